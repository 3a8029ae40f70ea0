//! The estimate over many made drives: it must tell who passes from who does not, say how sure it
//! is, and when. Each driver sees each street differently.

use super::*;
use crate::CheckpointId;
use crate::roads::graph::{ArcId, NodeId};
use crate::roads::testing::{fix, roads, time};

/// Numbers that are the same in every run (Knuth's MMIX generator).
struct Dice(u64);

impl Dice {
    fn share(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, limit: usize) -> usize {
        ((self.share() * limit as f64) as usize).min(limit - 1)
    }
}

/// The way that a driver to whom each street seems up to half slower takes.
fn way(roads: &Roads, from: NodeId, to: NodeId, dice: &mut Dice) -> Vec<ArcId> {
    let graph = roads.graph();
    let seems: Vec<f64> = (0..graph.pieces()).map(|_| 1.0 + dice.share() / 2.0).collect();
    let cost = |arc: ArcId| f64::from(graph.time_s(arc)) * seems[(graph.street(arc) >> 1) as usize];
    let mut times = vec![f64::INFINITY; graph.nodes()];
    times[to as usize] = 0.0;
    let mut changed = true;
    while changed {
        changed = false;
        for arc in 0..graph.arcs() as ArcId {
            let through = cost(arc) + times[graph.head(arc) as usize];
            if through < times[graph.tail(arc) as usize] {
                times[graph.tail(arc) as usize] = through;
                changed = true;
            }
        }
    }
    let (mut way, mut node) = (Vec::new(), from);
    while node != to {
        let through = |arc: &ArcId| cost(*arc) + times[graph.head(*arc) as usize];
        let Some(arc) = graph.arcs_from(node).min_by(|a, b| through(a).total_cmp(&through(b)))
        else {
            break;
        };
        way.push(arc);
        node = graph.head(arc);
    }
    way
}

/// A fix every ten seconds on the way, and the time of each passage of a checkpoint.
fn drive(roads: &Roads, way: &[ArcId], dice: &mut Dice) -> (Vec<Fix>, Vec<(String, f64)>) {
    let graph = roads.graph();
    let pace = 1.1 + 0.4 * dice.share();
    let (mut fixes, mut passed) = (Vec::new(), Vec::new());
    let (mut begins_s, mut next_s) = (0.0, 0.0);
    for arc in way {
        let (street, length_m) = (graph.street(*arc), f64::from(graph.length_m(*arc)));
        let takes_s = f64::from(graph.time_s(*arc)) * pace * (0.8 + 0.4 * dice.share());
        for (gate_m, id) in roads.on_street.get(&street).into_iter().flatten() {
            passed.push((id.to_string(), begins_s + takes_s * f64::from(*gate_m) / length_m));
        }
        while next_s < begins_s + takes_s {
            let offset_m = (next_s - begins_s) / takes_s * length_m;
            let (latitude, longitude) = graph.place_along(street, offset_m as f32);
            let mut error = || (dice.share() - 0.5) * 2e-4;
            let at = (latitude + error(), longitude + error());
            fixes.push(Fix { latitude: at.0, longitude: at.1, ..fix(next_s, 0.0, 0.0) });
            next_s += 10.0;
        }
        begins_s += takes_s;
    }
    (fixes, passed)
}

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
