//! Orders in which services may be upgraded, few enough to be played.

/// So many orders of `count` services, numbered from 0, that of any three each comes before, between and after the
/// others in every way that `allowed` leaves: whatever two of them have to say to a third, an old one said it to a new
/// one and the other way round.
///
/// `allowed` says whether a service may be upgraded while those in the set (bits) are.
pub(crate) fn covering(count: usize, allowed: &dyn Fn(usize, u32) -> bool) -> Vec<Vec<usize>> {
    let all = every(count, allowed);
    let mut open: Vec<[usize; 3]> = all.iter().flat_map(|order| triples(order)).collect();
    open.sort_unstable();
    open.dedup();
    let mut chosen = Vec::new();
    while !open.is_empty() {
        let gain = |order: &Vec<usize>| triples(order).filter(|triple| open.binary_search(triple).is_ok()).count();
        // The first of the best, so that the same orders are played every time.
        let Some(best) = all.iter().rev().max_by_key(|order| gain(order)) else { break };
        let covered: Vec<[usize; 3]> = triples(best).collect();
        open.retain(|triple| !covered.contains(triple));
        chosen.push(best.clone());
    }
    chosen
}

/// Every order that `allowed` leaves.
fn every(count: usize, allowed: &dyn Fn(usize, u32) -> bool) -> Vec<Vec<usize>> {
    let mut orders = vec![(Vec::new(), 0u32)];
    for _ in 0..count {
        let next = orders.into_iter().flat_map(|(order, done)| {
            (0..count).filter(move |service| done & 1 << service == 0 && allowed(*service, done)).map(move |service| {
                let mut order = order.clone();
                order.push(service);
                (order, done | 1 << service)
            })
        });
        orders = next.collect();
    }
    orders.into_iter().map(|(order, _)| order).collect()
}

/// Any three of an order, in that order.
fn triples(order: &[usize]) -> impl Iterator<Item = [usize; 3]> {
    let pairs = (0..order.len()).flat_map(move |a| (a + 1..order.len()).map(move |b| (a, b)));
    pairs.flat_map(move |(a, b)| (b + 1..order.len()).map(move |c| [order[a], order[b], order[c]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_services_need_about_ten_orders_and_every_three_come_in_every_way() {
        let orders = covering(7, &|_, _| true);
        let mut seen: Vec<[usize; 3]> = orders.iter().flat_map(|order| triples(order)).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 7 * 6 * 5);
        assert!((8..=12).contains(&orders.len()), "{}", orders.len());
        for order in &orders {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..7).collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_order_that_is_not_allowed_is_not_played() {
        let orders = covering(4, &|service, done| service == 0 || done & 1 == 1);
        assert!(!orders.is_empty() && orders.iter().all(|order| order[0] == 0), "{orders:?}");
        let mut seen: Vec<[usize; 3]> = orders.iter().flat_map(|order| triples(order)).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 3 * 2 + 3 * 2, "0 before any two, and the other three in every way");
    }
}
