//! What a strategy may ask for and execution does not carry out as written.

use crate::strategy::PlanRules;

/// One sentence for each rule of `rules` that is carried out otherwise than it says, beginning with its key.
pub fn shortfalls(rules: &PlanRules) -> Vec<&'static str> {
    let mut found = Vec::new();
    if rules.targets.len() > 1 || rules.targets.iter().any(|target| target.percent < 100) {
        found.push("plan.targets: the whole position leaves at one target, the one with the largest part");
    }
    if rules.time_stop.is_some() {
        found.push("plan.time_stop: not carried out; a position waits for its stop, its target or the close");
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Micro;
    use crate::strategy::{Strategy, TargetRule, TimeStopRule};

    fn rules() -> PlanRules {
        let text = include_str!("../../../../config/strategy.yaml");
        let figment = figment::Figment::from(<figment::providers::Yaml as figment::providers::Format>::string(text));
        figment.extract::<Strategy>().unwrap().plan
    }

    #[test]
    fn each_rule_that_is_not_carried_out_is_named_by_its_key() {
        let target = |percent| TargetRule { r: Micro::from_int(2), percent };
        let time_stop = Some(TimeStopRule { minutes: 60, gain_r_min: Micro::from_int(1) });
        assert!(shortfalls(&rules()).is_empty());
        assert!(shortfalls(&PlanRules { targets: vec![target(100)], ..rules() }).is_empty());
        let found = shortfalls(&PlanRules { targets: vec![target(50)], time_stop, ..rules() });
        assert_eq!(
            found.iter().map(|s| s.split(':').next().unwrap()).collect::<Vec<_>>(),
            ["plan.targets", "plan.time_stop"]
        );
    }
}
