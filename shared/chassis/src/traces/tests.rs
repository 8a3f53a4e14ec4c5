use std::sync::Arc;

use domain::{EventId, UnixNanos};
use testkit::build;

use super::*;

#[derive(Debug)]
struct Standing;

impl Clock for Standing {
    fn now(&self) -> UnixNanos {
        UnixNanos::new(1_795_530_600_000_000_000)
    }
}

fn on(batch_ratio: f64, room: usize) -> (Tracer, mpsc::Receiver<SpanData>) {
    let (queue, spans) = mpsc::channel(room);
    let (clock, dropped, scope) = (Arc::new(Standing), Counter::noop(), InstrumentationScope::default());
    (Tracer { inner: Some(Arc::new(Inner { clock, queue, dropped, scope, batch_ratio })) }, spans)
}

fn proposed() -> (EventId, Event) {
    (EventId::from_parts(&["plan_proposed"]), domain::plan::PlanProposed { plan: build::plan("GME") }.into())
}

fn carried(meta: &mut Meta, span: &Span) {
    meta.traceparent = span.context().map(|context| context.to_string());
}

#[test]
fn a_chain_of_events_is_one_trace() {
    let (tracer, mut spans) = on(0.0, 8);
    let mut batch = build::meta(&["batch"], "ingest-gateway");
    let root = tracer.process("TradeBatch", "market.v1.trade_batch.0", &batch);
    carried(&mut batch, &root);
    drop(root);
    let mut trail = Trail::new(Arc::new(Standing));
    trail.note("story", &batch);
    let (id, event) = proposed();
    drop(tracer.publish(&id, &event, trail.last("story")));
    let (first, second) = (spans.try_recv().unwrap(), spans.try_recv().unwrap());
    assert_eq!(second.parent_span_id, first.span_context.span_id());
    assert_eq!(second.span_context.trace_id(), first.span_context.trace_id());
    assert_eq!((first.name.as_ref(), second.name.as_ref()), ("process TradeBatch", "publish PlanProposed"));
    assert_eq!(first.start_time, system_time(batch.ts_init));
    assert_eq!(first.parent_span_id, opentelemetry::trace::SpanId::INVALID);
}

#[test]
fn what_is_published_again_is_the_same_span() {
    let (tracer, mut spans) = on(0.0, 8);
    let (id, event) = proposed();
    drop(tracer.publish(&id, &event, None));
    drop(tracer.publish(&id, &event, None));
    assert_eq!(spans.try_recv().unwrap().span_context, spans.try_recv().unwrap().span_context);
}

#[test]
fn the_ratio_says_how_many_batches_have_a_span() {
    let share = |ratio| {
        let (tracer, mut spans) = on(ratio, 2000);
        for n in 0..2000 {
            let id = EventId::from_parts(&["trade_batch", &n.to_string()]);
            drop(tracer.publish_sampled(&id, "TradeBatch", "market.v1.trade_batch.0", UnixNanos::new(n)));
        }
        std::iter::from_fn(|| spans.try_recv().ok()).count()
    };
    assert_eq!((share(0.0), share(1.0)), (0, 2000));
    assert!((100..300).contains(&share(0.1)), "{}", share(0.1));
}

#[test]
fn a_full_queue_drops_spans_and_holds_nobody_up() {
    let (tracer, mut spans) = on(0.0, 1);
    let (id, event) = proposed();
    for _ in 0..3 {
        drop(tracer.publish(&id, &event, None));
    }
    assert!(spans.try_recv().is_ok() && spans.try_recv().is_err());
}

#[test]
fn without_a_receiver_the_context_of_the_cause_is_passed_on() {
    let tracer = Tracer::default();
    let (id, event) = proposed();
    assert_eq!(tracer.publish(&id, &event, None).context(), None);
    let mut meta = build::meta(&["cause"], "planner");
    meta.traceparent = Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned());
    let mut trail = Trail::new(Arc::new(Standing));
    trail.note("story", &meta);
    let context = tracer.publish(&id, &event, trail.last("story")).context().unwrap();
    assert_eq!(Some(context.to_string()), meta.traceparent);
}

#[test]
fn a_traceparent_reads_back_and_what_is_none_is_refused() {
    let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    assert_eq!(TraceContext::parse(good).unwrap().to_string(), good);
    for bad in [
        "",
        "00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b7-01",
    ] {
        assert_eq!(TraceContext::parse(bad), None, "{bad}");
    }
}

#[tokio::test]
async fn a_request_belongs_to_the_span_it_is_made_in() {
    let (tracer, mut spans) = on(0.0, 8);
    let (id, event) = proposed();
    let order = tracer.publish(&id, &event, None);
    let url = "http://127.0.0.1:9000/alpaca/v2/orders?key=hidden".parse().unwrap();
    within(order.context(), async {
        tracer.request("POST", &url, "/v2/orders").answered::<String>(Ok(422));
    })
    .await;
    let call = spans.try_recv().unwrap();
    assert_eq!(Some(call.parent_span_id), order.context().map(TraceContext::span));
    assert_eq!(call.name, "POST /v2/orders");
    let attributes = format!("{:?}", call.attributes);
    assert!(attributes.contains("422") && attributes.contains("/alpaca/v2/orders") && !attributes.contains("hidden"));
}
