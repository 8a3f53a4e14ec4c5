use std::time::{Duration, Instant};

use bus::lease::{self, TTL, member_key};
use bus::{Holder, Lease};

use crate::support::{bus, connect, soon};

#[tokio::test]
async fn a_name_has_one_holder_and_the_next_one_need_not_wait_for_a_release() {
    let (_server, bus) = bus().await;
    let (first, second) = (Holder::new("a"), Holder::new("b"));
    let held = soon(Lease::acquire(&bus, "svc.x", &first)).await.unwrap();
    assert!(held.is_held());
    assert!(Lease::try_acquire(&bus, "svc.x", &second).await.unwrap().is_none());
    let epoch = held.epoch();
    held.release().await;
    let next = Lease::try_acquire(&bus, "svc.x", &second).await.unwrap().expect("free");
    assert!(next.epoch() > epoch);
}

#[tokio::test]
async fn it_is_kept_while_renewed_and_lapses_when_the_holder_is_gone() {
    let (server, bus) = bus().await;
    let held = soon(Lease::acquire(&bus, "svc.x", &Holder::new("a"))).await.unwrap();
    tokio::time::sleep(TTL + Duration::from_secs(1)).await;
    assert!(held.is_held());
    let other = connect(&server, "other").await;
    let since = Instant::now();
    drop(held);
    let taken = soon(Lease::acquire(&other, "svc.x", &Holder::new("b"))).await.unwrap();
    assert!(taken.is_held());
    assert!(since.elapsed() < TTL * 2, "{:?}", since.elapsed());
}

#[tokio::test]
async fn the_same_replica_takes_over_at_once_and_its_earlier_process_learns_of_it() {
    let (_server, bus) = bus().await;
    let earlier = Holder::new("a");
    let before = soon(Lease::acquire(&bus, "svc.x", &earlier)).await.unwrap();
    let since = Instant::now();
    let again = soon(Lease::acquire(&bus, "svc.x", &Holder::new("a"))).await.unwrap();
    assert!(since.elapsed() < TTL / 2);
    soon(before.lost()).await;
    assert!(!before.is_held() && again.is_held());
    // It does not take it back, as two processes of one name would for ever.
    assert!(Lease::try_acquire(&bus, "svc.x", &earlier).await.unwrap().is_none());
}

#[tokio::test]
async fn without_the_bus_it_is_lost_before_anybody_else_can_have_it() {
    let (mut server, bus) = bus().await;
    let held = soon(Lease::acquire(&bus, "svc.x", &Holder::new("a"))).await.unwrap();
    server.kill9();
    let since = Instant::now();
    soon(held.lost()).await;
    assert!(since.elapsed() < TTL, "{:?}", since.elapsed());
    server.restart().await.unwrap();
    let again = soon(Lease::acquire(&bus, "svc.x", &Holder::new("b"))).await.unwrap();
    assert!(again.epoch() > held.epoch());
}

#[tokio::test]
async fn members_are_those_that_are_there() {
    let (_server, bus) = bus().await;
    let mut leases = Vec::new();
    for instance in ["pod.b", "pod-a"] {
        let key = member_key("svc", instance);
        leases.push(soon(Lease::acquire(&bus, &key, &Holder::new(instance))).await.unwrap());
    }
    assert_eq!(lease::members(&bus, "svc").await.unwrap(), ["pod-a", "pod.b"]);
    leases.pop().unwrap().release().await;
    assert_eq!(lease::members(&bus, "svc").await.unwrap(), ["pod.b"]);
    assert!(lease::members(&bus, "other").await.unwrap().is_empty());
}

#[test]
fn any_name_of_a_replica_makes_a_subject() {
    assert_eq!(member_key("svc", "host.example > 1"), "svc.member.host_example___1");
}
