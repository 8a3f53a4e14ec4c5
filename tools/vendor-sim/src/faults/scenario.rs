//! A list of faults as people write it: a file for `--scenario`, or the body of `POST /sim/v1/faults`.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::fault::Fault;
use super::yaml::{Node, Refusal};

/// What stands at the top of a scenario.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Top {
    #[serde(rename = "about")]
    _about: Option<String>,
    #[serde(rename = "faults")]
    _faults: Vec<IgnoredAny>,
}

/// The faults in `text`: a mapping with `faults` (and `about`, which people read), or one fault alone.
///
/// # Errors
/// An unknown key, a value that its key cannot have, keys that do not go together: each with its line.
pub(crate) fn read(text: &str) -> Result<Vec<Fault>, Refusal> {
    let root = Node::read(text)?;
    if root.has("on") {
        return Ok(vec![fault(&root)?]);
    }
    Top::deserialize(&root)?;
    root.items("faults").unwrap_or_default().iter().map(fault).collect()
}

fn fault(node: &Node) -> Result<Fault, Refusal> {
    let fault = Fault::deserialize(node)?;
    fault.check().map_err(|why| Refusal::at(node.line, why))?;
    Ok(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_fault_or_a_list_of_them_is_read() {
        assert_eq!(read("on: GET /v2/clock\nstatus: 503\n").unwrap().len(), 1);
        assert_eq!(read(r#"{"on": "GET /v2/clock", "status": 503}"#).unwrap().len(), 1);
        let list = "about: a bad day\nfaults:\n  - {on: GET /v2/clock, status: 503}\n  - {on: MARKET *, halt: true, at: '10:00:00', until: '10:05:00'}\n";
        assert_eq!(read(list).unwrap().len(), 2);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let check = |text: &str, expected: &str| {
            let refusal = read(text).unwrap_err().to_string();
            assert!(refusal.starts_with(expected), "{refusal}");
        };
        let head = "about: x\nfaults:\n";
        check(
            &format!("{head}  - on: GET /v2/clock\n    colour: red\n"),
            "line 4: unknown field `colour`, expected one of `on`,",
        );
        check(
            &format!("{head}  - on: GET /v2/clock\n    status: much\n"),
            "line 4: invalid type: string \"much\", expected u16",
        );
        check(&format!("{head}  - status: 503\n"), "line 3: missing field `on`");
        check(
            &format!("{head}  - on: SEND /finnhub\n    frame: melt\n"),
            "line 4: unknown variant `melt`, expected one of `duplicate`,",
        );
        check("fault: []\n", "line 1: unknown field `fault`, expected `about` or `faults`");
        check("about: nothing\n", "line 1: missing field `faults`");
        check(
            &format!("{head}  - on: GET /v2/clock\n    frame: drop\n"),
            "line 3: `frame` does not go with `on: GET /v2/clock`",
        );
    }
}
