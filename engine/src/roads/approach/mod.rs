//! [`RoadApproach`]: how likely a vehicle passes each checkpoint, and when.

use serde::{Deserialize, Serialize};

use super::matching::{Matcher, Scratch, Sight};
use super::network::Roads;
use super::tables::{BEYOND, UNIT_S};

/// The numbers of the model.
#[derive(Clone, Debug)]
pub struct Tuning {
    pub detour_per_s: f32,
    pub detour_cap_s: f32,
    pub switch_s: f32,
    pub via_s: f32,
    pub via_share: f32,
    pub via_power: f32,
    pub gate_prior: f32,
    pub outer: f32,
    pub pace: f32,
    pub pace_weight_s: f32,
    pub decay_s: f32,
    pub soft_s: f32,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            detour_per_s: 0.05,
            detour_cap_s: 1e9,
            switch_s: 2400.0,
            via_s: 10.0,
            via_share: 0.03,
            via_power: 1.0,
            gate_prior: 0.2,
            outer: 1.0,
            pace: 1.35,
            pace_weight_s: 180.0,
            decay_s: 1e9,
            soft_s: 0.0,
        }
    }
}

/// What is known of one vehicle.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RoadApproach {
    matcher: Matcher,
    /// Likelihood of each zone as destination, then of each checkpoint.
    weights: Vec<f32>,
    /// Units to each zone and checkpoint at the last fix.
    before: Vec<u16>,
    time_s: f64,
    driven_s: f32,
    elapsed_s: f32,
}

/// One checkpoint as it stands.
#[derive(Clone, Debug)]
pub struct Outlook {
    pub checkpoint: usize,
    pub probability: f32,
    pub eta_s: f32,
    pub map_s: f32,
}

impl RoadApproach {
    pub fn observe(
        &mut self,
        roads: &Roads,
        tuning: &Tuning,
        scratch: &mut Scratch,
        place: (f64, f64),
        time_s: f64,
        speed_kmh: Option<f32>,
        course_deg: Option<f32>,
    ) {
        let graph = &roads.graph;
        let sight = Sight { place, time_s, speed_kmh, course_deg };
        let Some(step) = self.matcher.observe(graph, &roads.index, scratch, sight) else { return };
        let Some(stand) = self.matcher.stands().first().copied() else { return };
        let zones = roads.zones.nodes.len();
        let mut now = vec![BEYOND; zones];
        let length_m = graph.length_m(stand.arc);
        let rest_s = graph.time_s(stand.arc) * (1.0 - stand.offset_m / length_m);
        roads.from_head(stand.arc, rest_s, &mut now);
        for place in &roads.places {
            let best = place
                .gates
                .iter()
                .map(|gate| roads.to_gate(stand.arc, stand.offset_m, gate))
                .fold(f32::INFINITY, f32::min);
            now.push((best / UNIT_S).min(f32::from(BEYOND)) as u16);
        }
        let elapsed_s = (time_s - self.time_s) as f32;
        if self.weights.len() != now.len() {
            self.weights = roads.prior.clone();
        } else {
            let last = step.way.len().saturating_sub(1);
            let mut path_s = 0.0;
            for (i, arc) in step.way.iter().enumerate() {
                let length_m = graph.length_m(*arc);
                let from = if i == 0 { step.from_m } else { 0.0 };
                let to = if i == last { stand.offset_m } else { length_m };
                path_s += graph.time_s(*arc) * ((to - from) / length_m).max(0.0);
            }
            let gain = |z: usize| (f32::from(self.before[z]) - f32::from(now[z])) * UNIT_S;
            if !step.followed {
                path_s = (0..now.len()).map(gain).fold(0.0, f32::max);
            }
            if step.followed && path_s > 0.2 * elapsed_s {
                let keep = libm::expf(-elapsed_s / 600.0);
                self.driven_s = self.driven_s * keep + path_s;
                self.elapsed_s = self.elapsed_s * keep + elapsed_s;
            }
            let hazard = 1.0 - libm::expf(-elapsed_s / tuning.switch_s);
            let keep = libm::expf(-elapsed_s / tuning.decay_s);
            let mut sum = 0.0;
            for z in 0..now.len() {
                let detour = (path_s - gain(z)).clamp(0.0, tuning.detour_cap_s);
                let likely = libm::expf(-tuning.detour_per_s * detour);
                let w = &mut self.weights[z];
                if tuning.decay_s < 1e6 { *w = libm::powf(*w, keep); }
                *w *= likely;
                sum += *w;
            }
            for z in 0..now.len() {
                self.weights[z] = (1.0 - hazard) * self.weights[z] / sum.max(1e-30) + hazard * roads.prior[z];
            }
            if tuning.decay_s < 1e6 {
                let top = self.weights.iter().copied().fold(0.0, f32::max);
                for w in &mut self.weights { *w /= top; }
            }
        }
        self.before = now;
        self.time_s = time_s;
    }

    pub fn pace(&self, tuning: &Tuning) -> f32 {
        (self.elapsed_s + tuning.pace * tuning.pace_weight_s) / (self.driven_s + tuning.pace_weight_s)
    }

    pub fn outlooks(&self, roads: &Roads, tuning: &Tuning, horizon_s: f32) -> Vec<Outlook> {
        let Some(stand) = self.matcher.stands().first().copied() else { return Vec::new() };
        let zones = roads.zones.nodes.len();
        let pace = self.pace(tuning);
        let total: f32 = self.weights.iter().sum();
        let mut out = Vec::new();
        if self.before.len() < zones + roads.places.len() { return out }
        for (c, place) in roads.places.iter().enumerate() {
            let to = f32::from(self.before[zones + c]) * UNIT_S;
            if to * pace > horizon_s { continue }
            let mut p = self.weights[zones + c];
            let best_gate: Vec<(f32, &Vec<u16>)> = place.gates.iter().map(|g| (roads.to_gate(stand.arc, stand.offset_m, g), &g.onward)).collect();
            for z in 0..zones {
                let w = self.weights[z];
                if w < 1e-5 * total { continue }
                let direct = f32::from(self.before[z]) * UNIT_S;
                let mut extra = f32::INFINITY;
                for (t, onward) in &best_gate { extra = extra.min(t + f32::from(onward[z]) * UNIT_S - direct); }
                let scale = tuning.via_s + tuning.via_share * direct;
                let x = extra.max(0.0) / scale;
                let via = if tuning.soft_s > 0.0 { 1.0 / (1.0 + libm::powf(x, tuning.via_power)) } else { (1.0 - x).max(0.0) };
                p += w * via;
            }
            out.push(Outlook { checkpoint: c, probability: p / total, eta_s: to * pace, map_s: to });
        }
        out
    }
}
