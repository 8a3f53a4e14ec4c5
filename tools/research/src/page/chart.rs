//! Charts as inline SVG: axes in the text's colour, marks in the page's accents, so that they follow dark and light.

use std::fmt::Write;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 220.0;
/// Room for the labels: left, right, top, bottom.
const MARGIN: [f64; 4] = [84.0, 12.0, 12.0, 28.0];

/// One mark of a bar chart.
#[derive(Debug, Clone)]
pub struct Bar {
    /// Below it, where there is room.
    pub label: String,
    /// How high.
    pub value: f64,
    /// Drawn as a loss.
    pub loss: bool,
    /// Shown when pointed at.
    pub hint: String,
}

/// A line over evenly spaced points, filled down to zero when `filled`.
pub fn line(title: &str, labels: &[String], values: &[f64], filled: bool, show: impl Fn(f64) -> String) -> String {
    let Some(scale) = Scale::of(values, filled) else { return empty(title) };
    let x = across(values.len());
    let mut path = String::new();
    for (at, value) in values.iter().enumerate() {
        write_to(&mut path, format_args!("{}{:.1},{:.1}", if at == 0 { "M" } else { "L" }, x(at), scale.y(*value)));
    }
    let mut body = axis(&scale, &show);
    if filled {
        let (last, base) = (x(values.len() - 1), scale.y(0.0));
        write_to(&mut body, format_args!("<path class=area d='{path}L{last:.1},{base:.1}L{:.1},{base:.1}Z'/>", x(0)));
    }
    write_to(&mut body, format_args!("<path class=line d='{path}'/>"));
    for at in [0, labels.len().saturating_sub(1)] {
        let anchor = if at == 0 { "start" } else { "end" };
        let label = labels.get(at).map_or("", String::as_str);
        write_to(
            &mut body,
            format_args!("<text x={:.1} y={} text-anchor={anchor}>{}</text>", x(at), HEIGHT - 8.0, escape(label)),
        );
    }
    figure(title, &body)
}

/// Bars side by side, below zero in the other colour.
pub fn bars(title: &str, marks: &[Bar], show: impl Fn(f64) -> String) -> String {
    let values: Vec<f64> = marks.iter().map(|mark| mark.value).collect();
    let Some(scale) = Scale::of(&values, true) else { return empty(title) };
    let step = (WIDTH - MARGIN[0] - MARGIN[1]) / marks.len() as f64;
    let mut body = axis(&scale, &show);
    let every = marks.len().div_ceil(10);
    for (at, mark) in marks.iter().enumerate() {
        let (left, top, base) =
            (MARGIN[0] + step * at as f64, scale.y(mark.value.max(0.0)), scale.y(mark.value.min(0.0)));
        let class = if mark.loss { "down" } else { "up" };
        write_to(
            &mut body,
            format_args!(
                "<rect class={class} x={:.1} y={top:.1} width={:.1} height={:.1}><title>{}</title></rect>",
                left + step * 0.1,
                step * 0.8,
                (base - top).max(0.5),
                escape(&mark.hint)
            ),
        );
        if at % every == 0 {
            let middle = left + step / 2.0;
            write_to(
                &mut body,
                format_args!(
                    "<text x={middle:.1} y={} text-anchor=middle>{}</text>",
                    HEIGHT - 8.0,
                    escape(&mark.label)
                ),
            );
        }
    }
    figure(title, &body)
}

/// Text that is safe inside a page.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// The scale that holds `values`: round numbers a round step apart.
struct Scale {
    low: f64,
    high: f64,
    step: f64,
}

impl Scale {
    fn of(values: &[f64], with_zero: bool) -> Option<Self> {
        let (mut low, mut high) = (values.iter().copied().reduce(f64::min)?, values.iter().copied().reduce(f64::max)?);
        if with_zero {
            (low, high) = (low.min(0.0), high.max(0.0));
        }
        let span = if high > low { high - low } else { high.abs().max(1.0) };
        let power = 10_f64.powf((span / 4.0).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|step| span / step <= 5.0).unwrap_or(span);
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        Some(Self { low, high: if high > low { high } else { low + step }, step })
    }

    /// Where a value stands, in the picture's units from the top.
    fn y(&self, value: f64) -> f64 {
        HEIGHT - MARGIN[3] - (value - self.low) * (HEIGHT - MARGIN[2] - MARGIN[3]) / (self.high - self.low)
    }
}

fn across(points: usize) -> impl Fn(usize) -> f64 {
    let step = (WIDTH - MARGIN[0] - MARGIN[1]) / points.saturating_sub(1).max(1) as f64;
    move |at| MARGIN[0] + step * at as f64
}

fn axis(scale: &Scale, show: &impl Fn(f64) -> String) -> String {
    let mut body = String::new();
    for line in 0..=((scale.high - scale.low) / scale.step).round() as u32 {
        let value = scale.low + scale.step * f64::from(line);
        let (at, right) = (scale.y(value), WIDTH - MARGIN[1]);
        write_to(&mut body, format_args!("<path class=grid d='M{},{at:.1}H{right}'/>", MARGIN[0]));
        let label = escape(&show(value));
        write_to(
            &mut body,
            format_args!("<text x={} y={:.1} text-anchor=end>{label}</text>", MARGIN[0] - 6.0, at + 4.0),
        );
    }
    body
}

fn figure(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<figure><figcaption>{title}</figcaption><svg viewBox='0 0 {WIDTH} {HEIGHT}' role=img aria-label='{title}'>{body}</svg></figure>"
    )
}

fn empty(title: &str) -> String {
    format!("<figure><figcaption>{}</figcaption><p>Nothing to show.</p></figure>", escape(title))
}

fn write_to(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // A `String` takes everything.
    let _ = text.write_fmt(arguments);
}
