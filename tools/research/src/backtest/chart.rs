//! Charts as inline SVG: axes in the text's colour, marks in the page's accents, so that they follow dark and light.

use std::fmt::Write;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 220.0;
/// Room for the labels: left, right, top, bottom.
const MARGIN: [f64; 4] = [64.0, 12.0, 10.0, 26.0];

/// One mark of a bar chart.
pub(super) struct Bar {
    pub label: String,
    pub value: f64,
    /// Shown when pointed at.
    pub hint: String,
}

/// A line over evenly spaced points, filled down to zero when `filled`.
pub(super) fn line(
    title: &str,
    labels: &[String],
    values: &[f64],
    filled: bool,
    show: impl Fn(f64) -> String,
) -> String {
    let Some((low, high)) = bounds(values, filled) else { return empty(title) };
    let (x, y) = (across(values.len()), up(low, high));
    let mut path = String::new();
    for (at, value) in values.iter().enumerate() {
        write_to(&mut path, format_args!("{}{:.1},{:.1}", if at == 0 { "M" } else { "L" }, x(at), y(*value)));
    }
    let mut body = axis(low, high, &show);
    if filled {
        let (last, base) = (x(values.len() - 1), y(0.0));
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
pub(super) fn bars(title: &str, marks: &[Bar], show: impl Fn(f64) -> String) -> String {
    let values: Vec<f64> = marks.iter().map(|mark| mark.value).collect();
    let Some((low, high)) = bounds(&values, true) else { return empty(title) };
    let y = up(low, high);
    let step = (WIDTH - MARGIN[0] - MARGIN[1]) / marks.len() as f64;
    let mut body = axis(low, high, &show);
    let every = marks.len().div_ceil(10);
    for (at, mark) in marks.iter().enumerate() {
        let (left, top, base) = (MARGIN[0] + step * at as f64, y(mark.value.max(0.0)), y(mark.value.min(0.0)));
        let class = if mark.value < 0.0 { "down" } else { "up" };
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
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

fn bounds(values: &[f64], with_zero: bool) -> Option<(f64, f64)> {
    let (mut low, mut high) = (values.iter().copied().reduce(f64::min)?, values.iter().copied().reduce(f64::max)?);
    if with_zero {
        (low, high) = (low.min(0.0), high.max(0.0));
    }
    let room = if high > low { (high - low) * 0.04 } else { high.abs().max(1.0) * 0.01 };
    Some((
        if low == 0.0 && with_zero { low } else { low - room },
        if high == 0.0 && with_zero { high } else { high + room },
    ))
}

fn across(points: usize) -> impl Fn(usize) -> f64 {
    let step = (WIDTH - MARGIN[0] - MARGIN[1]) / points.saturating_sub(1).max(1) as f64;
    move |at| MARGIN[0] + step * at as f64
}

fn up(low: f64, high: f64) -> impl Fn(f64) -> f64 {
    let scale = (HEIGHT - MARGIN[2] - MARGIN[3]) / (high - low);
    move |value| HEIGHT - MARGIN[3] - (value - low) * scale
}

fn axis(low: f64, high: f64, show: &impl Fn(f64) -> String) -> String {
    let y = up(low, high);
    let mut body = String::new();
    for part in 0..=4 {
        let value = low + (high - low) * f64::from(part) / 4.0;
        let (at, right) = (y(value), WIDTH - MARGIN[1]);
        write_to(&mut body, format_args!("<path class=grid d='M{},{at:.1}H{right}'/>", MARGIN[0]));
        write_to(
            &mut body,
            format_args!(
                "<text x={} y={:.1} text-anchor=end>{}</text>",
                MARGIN[0] - 6.0,
                at + 4.0,
                escape(&show(value))
            ),
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
