//! The estimate over many made drives: it must tell who passes from who does not, say how sure it
//! is, and when.

use super::*;
use crate::CheckpointId;
use crate::roads::drivers::{Dice, drive, way};
use crate::roads::graph::NodeId;
use crate::roads::testing::{roads, time};

#[test]
fn who_will_pass_is_told_from_who_will_not() {
    let checkpoints = [
        ("west bridge", 4.0, 10.5),
        ("east bridge", 16.0, 10.5),
        ("row 4", 10.5, 4.0),
        ("column 12", 12.0, 17.5),
    ];
    let roads = roads(&checkpoints);
    let mut dice = Dice(2026);
    let (mut judged, mut errors): (Vec<(f64, bool)>, Vec<f64>) = (Vec::new(), Vec::new());
    let nodes = roads.graph().nodes();
    for _ in 0..150 {
        let (from, to) = (dice.below(nodes) as NodeId, dice.below(nodes) as NodeId);
        let way = way(&roads, from, to, &mut dice);
        let (fixes, passed) = drive(&roads, &way, &mut dice);
        let mut approach = RoadApproach::default();
        let mut asked: Vec<CheckpointId> = Vec::new();
        for fix in &fixes {
            approach.observe(&roads, fix.fix_time, fix);
            let now_s = fix.fix_time.seconds_since(time(0.0));
            for outlook in approach.outlooks(&roads, 130.0, 0.0) {
                // Each checkpoint once, when it is first two minutes away.
                if outlook.eta_s < 90.0 || now_s < 60.0 || asked.contains(&outlook.checkpoint) {
                    continue;
                }
                let name = outlook.checkpoint.to_string();
                let passes = passed.iter().find(|(id, at_s)| *id == name && *at_s > now_s);
                judged.push((f64::from(outlook.probability), passes.is_some()));
                if let Some((_, at_s)) = passes.filter(|(_, at_s)| at_s - now_s < 400.0) {
                    errors.push((f64::from(outlook.eta_s) - (at_s - now_s)).abs() / (at_s - now_s));
                }
                asked.push(outlook.checkpoint);
            }
        }
    }
    let count = judged.len() as f64;
    let rate = judged.iter().filter(|(_, passes)| *passes).count() as f64 / count;
    let brier = |guess: &dyn Fn(f64) -> f64| {
        let off = |(p, passes): &(f64, bool)| (guess(*p) - f64::from(u8::from(*passes))).powi(2);
        judged.iter().map(off).sum::<f64>() / count
    };
    let said = judged.iter().map(|(p, _)| p).sum::<f64>() / count;
    errors.sort_by(f64::total_cmp);
    let error = errors[errors.len() / 2];
    let figures = format!(
        "{count} cases, {rate:.3} pass, said {said:.3}; Brier {:.3}, of a constant {:.3}; ETA off {error:.2}",
        brier(&|p| p),
        brier(&|_| rate)
    );
    eprintln!("{figures}");
    assert!(count > 150.0 && errors.len() > 30, "{figures}");
    assert!(brier(&|p| p) < 0.75 * brier(&|_| rate), "{figures}");
    assert!((said - rate).abs() < 0.12, "{figures}");
    assert!(error < 0.25, "{figures}");
}
