//! The same call between two browsers, and ours by its side.

use super::{CallReport, Figures, NetworkReport, Pair, Validity};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What the same clip, speech, link, schedule and seed gave between two browsers. Its own fields are the worst of each, as in `summary`;
/// what cannot be measured in a browser is absent (`null`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Whether these figures can be believed, whatever is with ours.
    #[serde(flatten)]
    pub validity: Validity,
    /// The emulated network, as it was for them.
    pub network: Option<NetworkReport>,
    /// Whose call ended before its time.
    pub ended_early: Vec<String>,
    /// Each direction.
    pub pairs: Vec<Pair>,
    /// The worst of each field.
    #[serde(flatten)]
    pub summary: Figures,
}

impl CallReport {
    /// Puts the same call between two browsers beside it.
    pub fn beside(self, other: CallReport) -> CallReport {
        let CallReport { validity, network, ended_early, pairs, summary, .. } = other;
        let summary = summary.unwrap_or_default();
        let ratio = self.summary.as_ref().map(|ours| ratio(ours, &summary));
        let baseline = Some(Baseline { validity, network, ended_early, pairs, summary });
        CallReport { baseline, ratio, ..self }
    }
}

/// Ours by theirs for each number that both have, under its name. None of series, and none of a field that is zero for them.
fn ratio(ours: &Figures, theirs: &Figures) -> Map<String, Value> {
    let read = |figures: &Figures| serde_json::to_value(figures).unwrap_or_default();
    match divided(&read(ours), &read(theirs)) {
        Some(Value::Object(ratio)) => ratio,
        _ => Map::new(),
    }
}

fn divided(ours: &Value, theirs: &Value) -> Option<Value> {
    match (ours, theirs) {
        (Value::Number(ours), Value::Number(theirs)) => {
            let theirs = theirs.as_f64().filter(|&theirs| theirs != 0.0)?;
            Some(Value::from(ours.as_f64()? / theirs))
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            let parts = ours
                .iter()
                .filter_map(|(name, ours)| Some((name.clone(), divided(ours, theirs.get(name)?)?)));
            let parts: Map<String, Value> = parts.collect();
            (!parts.is_empty()).then_some(Value::Object(parts))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::Quantiles;
    use super::*;
    use crate::process::MachineLoad;
    use serde_json::json;

    fn report(figures: Figures, idle: f64) -> CallReport {
        let pair = Pair { from: "a".into(), to: "b".into(), figures, minutes: Vec::new() };
        CallReport::of(2, 20.0, Some(MachineLoad { idle, steal: 0.0 }), vec![pair])
    }

    #[test]
    fn ours_by_theirs_for_what_both_have() {
        let delay = |p50, p95| Some(Quantiles { p50, p95 });
        let ours = Figures {
            first_frame_ms: Some(300.0),
            capture_to_decoded_ms: delay(40.0, 60.0),
            freeze_ratio: Some(0.1),
            mouth_to_ear_ms: delay(90.0, 95.0),
            target_kbps: Some(vec![(1.0, 300.0)]),
            ..Figures::default()
        };
        let theirs = Figures {
            first_frame_ms: Some(400.0),
            capture_to_decoded_ms: delay(80.0, 240.0),
            freeze_ratio: Some(0.0),
            target_kbps: Some(vec![(1.0, 300.0)]),
            ..Figures::default()
        };
        let both = report(ours, 0.5).beside(report(theirs, 0.1));
        let json = serde_json::to_value(&both).unwrap();
        let expected =
            json!({ "first_frame_ms": 0.75, "capture_to_decoded_ms": { "p50": 0.5, "p95": 0.25 } });
        assert_eq!(json["ratio"], expected);
        assert_eq!(
            (&json["baseline"]["first_frame_ms"], &json["baseline"]["mouth_to_ear_ms"]),
            (&json!(400.0), &Value::Null)
        );
        // A machine that was busy for them does not spoil ours, nor the other way round.
        assert_eq!((&json["valid"], &json["baseline"]["valid"]), (&json!(true), &json!(false)));
        assert_eq!(json["baseline"]["pairs"][0]["from"], "a");
        assert_eq!(serde_json::from_value::<CallReport>(json).unwrap(), both);
        assert!(both.to_string().contains("baseline"), "{both}");
    }

    #[test]
    fn without_a_baseline_there_is_no_ratio() {
        let json = serde_json::to_value(report(Figures::default(), 0.5)).unwrap();
        assert_eq!((&json["baseline"], &json["ratio"]), (&Value::Null, &Value::Null));
    }
}
