//! Drivers of the made town, each of whom sees every street differently.

use interdict_protocols::Fix;

use super::Roads;
use super::graph::{ArcId, NodeId};
use super::testing::fix;

/// Numbers that are the same in every run (Knuth's MMIX generator).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn share(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        ((self.share() * limit as f64) as usize).min(limit - 1)
    }
}

/// The way that a driver to whom each street seems up to half slower takes.
pub(crate) fn way(roads: &Roads, from: NodeId, to: NodeId, dice: &mut Dice) -> Vec<ArcId> {
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
pub(crate) fn drive(
    roads: &Roads,
    way: &[ArcId],
    dice: &mut Dice,
) -> (Vec<Fix>, Vec<(String, f64)>) {
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
