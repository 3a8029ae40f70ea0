//! What is made of sightings: a place that may be wrong, of a vehicle whose tracker may say otherwise.
//!
//! A tracker that is heard outranks every sighting. Else the newest sighting is where the vehicle is,
//! as far as it is trusted: every probability is multiplied by the trust, and every window widened by
//! how far off the place may be. Sightings that one could drive between confirm each other.

use std::collections::BTreeMap;

use crate::approach::Outlook;
use crate::geo::distance_m;
use crate::subject::{Newest, rounded};
use crate::watched::{Scene, Watched};
use crate::{
    CaseView, Data, Event, Sighted, Sighting, SightingReport, Standing, Type, Used, VehicleView,
    Why,
};

/// The speed at which an uncertain place becomes an uncertain time, km/h: a town's.
const TOWN_KMH: f64 = 30.0;

/// Faster than this on average, km/h, a vehicle may have gone from one place to the other, but that
/// is no ground to believe it.
const CONFIRMED_KMH: f64 = 120.0;

impl Sighted {
    /// Widens an estimate by what is not sure of the place.
    pub(crate) fn widen(self, outlook: &mut Outlook) {
        let slack_s = self.accuracy_m / (outlook.evidence.speed_kmh.max(TOWN_KMH) / 3.6);
        outlook.probability *= self.trust;
        outlook.eta_early_s = (outlook.eta_early_s - slack_s).max(0.0);
        outlook.eta_late_s += slack_s;
    }

    /// Says in a reason that it leans on a sighting.
    pub(crate) fn own_up(self, why: &mut Why) {
        let Self { source, trust, accuracy_m } = self;
        why.text = format!(
            "{}; by a sighting, not its tracker: {}, trust {trust:.2}, to {accuracy_m:.0} m",
            why.text,
            source.name()
        );
        why.figures.insert("sighting_trust".to_owned(), rounded(trust, 100.0));
        why.figures.insert("sighting_accuracy_m".to_owned(), rounded(accuracy_m, 1.0));
    }
}

/// What was made of a sighting, and what it is worth with those before.
struct Made {
    standing: Standing,
    sighted: Sighted,
    why: Why,
}

impl Watched {
    /// Takes a sighting in, and says so.
    pub(crate) fn sight(
        &mut self,
        scene: Scene<'_>,
        sighting: &Sighting,
        used: &Used,
        events: &mut Vec<Event>,
    ) {
        // A clock that is a little fast is no future.
        let time = sighting.time.min(scene.now);
        let Some(fix) = sighting.fix(time) else { return };
        let Made { standing, sighted, why } = self.made_of(scene, sighting);
        let foremost = self.subject.flags.foremost().or_else(|| self.subject.flags.iter().next());
        let Some(flag) = foremost.map(CaseView::from) else { return };
        let report = SightingReport {
            sighting: sighting.clone(),
            vehicle: VehicleView::from(&self.subject.vehicle),
            flag,
            unit: scene.regions.unit_of(sighting.position()).cloned(),
            standing,
            age_s: rounded(scene.now.seconds_since(time), 10.0),
            why,
        };
        events.push(Event {
            id: self.subject.next_id(),
            time: scene.now,
            kind: Type::Sighted,
            data: Data::Sighting(Box::new(report)),
        });
        if standing == Standing::Followed {
            self.subject.moved_by(used);
            self.observe(scene, Newest { fix, time, sighted: Some(sighted) }, events);
        }
    }

    fn made_of(&self, scene: Scene<'_>, sighting: &Sighting) -> Made {
        let (rules, now) = (scene.rules, scene.now);
        let mut sighted = sighting.sighted();
        let mut figures = BTreeMap::from([("trust".to_owned(), rounded(sighted.trust, 100.0))]);
        let mut made = |standing, code: &str, text: String, sighted, more: &[(&str, f64)]| {
            figures.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.round())));
            let figures = std::mem::take(&mut figures);
            Made { standing, sighted, why: Why { code: code.to_owned(), text, figures } }
        };
        let who = sighting.source.name();
        if sighting.time.seconds_since(now) > rules.future_s {
            let text = format!("The {who}'s time has not come yet: it moves nothing");
            return made(Standing::Quarantine, "future", text, sighted, &[]);
        }
        let Some(last) = self.subject.newest else {
            let text = format!("Seen by a {who}; nothing else is known of where it is");
            return made(Standing::Followed, "followed", text, sighted, &[]);
        };
        let time = sighting.time.min(now);
        let step_s = time.seconds_since(last.time);
        let apart_m = distance_m(last.sight().position, sighting.position());
        let slack_m = sighted.accuracy_m + last.sighted.map_or(0.0, |before| before.accuracy_m);
        let agrees = apart_m - slack_m <= rules.outlier_kmh / 3.6 * step_s.abs();
        let figures = [("distance_m", apart_m), ("seconds", step_s)];
        let than = last.sighted.map_or("its tracker's last fix", |_| "what was seen before");
        let apart = if agrees {
            String::new()
        } else {
            format!(
                "; {:.1} km from {than}, further than can be driven in the {:.0} s between",
                apart_m / 1_000.0,
                step_s.abs()
            )
        };
        let code = |code| if agrees { code } else { "disagrees" };
        if step_s < 0.0 {
            let text = format!("Older than {than}: it moves nothing{apart}");
            return made(Standing::Late, code("late"), text, sighted, &figures);
        }
        if last.sighted.is_none() && now.seconds_since(last.time) < rules.silent_s {
            let text = format!("Its tracker speaks, and is believed{apart}");
            return made(Standing::Outranked, code("tracker_live"), text, sighted, &figures);
        }
        if !agrees
            && sighted.trust < last.sighted.map_or(1.0, |before| before.trust)
            && sighted.is_doubted()
        {
            let text = format!("Trusted less than {than}: it moves nothing{apart}");
            return made(Standing::Disputed, "disagrees", text, sighted, &figures);
        }
        let confirmed = apart_m - slack_m <= CONFIRMED_KMH / 3.6 * step_s;
        if let Some(before) = last.sighted
            && confirmed
            && step_s > 0.0
            && step_s <= rules.gap_s
        {
            // Both are wrong only if each of them is; what was seen well before does not make up for
            // a doubtful look now.
            let before = before.trust.min(sighted.trust);
            sighted.trust = 1.0 - (1.0 - sighted.trust) * (1.0 - before);
            let text = format!(
                "Seen by a {who}, where it can be by what was seen before; together trusted to {:.2}",
                sighted.trust
            );
            return made(Standing::Followed, "agrees", text, sighted, &figures);
        }
        let text = format!("Seen by a {who}; its tracker is not heard{apart}");
        made(Standing::Followed, code("followed"), text, sighted, &figures)
    }
}
