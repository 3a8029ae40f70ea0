//! Flags on plates, of vehicles that have a tracker since: such a flag goes on on the enrolled vehicle,
//! lest its tracker reports to an engine that looks for somebody else.

use std::collections::BTreeSet;

use interdict_engine::{
    Engine, Flag, FlagEnd, FlagId, FlagReport, FlagState, Input, Vehicle, VehicleId,
};
use tokio_util::sync::CancellationToken;

use crate::audit::{Act, By, acts};
use crate::devices::Registry;
use crate::dispatch::FlagChanges;
use crate::shards::{Refused, Shards};
use crate::store::{Hold, Store, StoreError};

/// Why flags were not moved.
#[derive(Debug, thiserror::Error)]
enum MoveError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// Moves flags until `closing`.
pub async fn follow(store: Store, registry: Registry, shards: Shards, closing: CancellationToken) {
    let mut changes = FlagChanges::new(store.clone(), shards.latest());
    let mut enrolments = registry.changes();
    let mut mover = Mover { store, registry, shards, ambiguous: BTreeSet::new() };
    loop {
        if let Err(error) = mover.look().await {
            tracing::warn!(%error, "flags on plates are not moved to enrolled vehicles yet");
        }
        tokio::select! {
            () = closing.cancelled() => return,
            () = changes.next() => {}
            Ok(()) = enrolments.changed() => {}
        }
    }
}

struct Mover {
    store: Store,
    registry: Registry,
    shards: Shards,
    /// Flags of which it was said that several vehicles have their plate.
    ambiguous: BTreeSet<FlagId>,
}

impl Mover {
    async fn look(&mut self) -> Result<(), MoveError> {
        let store = self.store.clone();
        let on_plates = blocking(move || {
            let mut flags = store.flags()?;
            flags.retain(|report| is_to_move(&report.flag));
            Ok(flags)
        });
        for report in on_plates.await? {
            let FlagReport { flag, vehicle, .. } = report;
            let Some(plate) = vehicle.plate else { continue };
            let mut found = self.registry.vehicles_named(&plate);
            found.retain(|vehicle| is_of_colour(vehicle, colour_of(&flag.vehicle)));
            match (found.pop(), found.len()) {
                (Some(vehicle), 0) => self.move_to(flag, vehicle).await?,
                (Some(_), more) if self.ambiguous.insert(flag.id.clone()) => tracing::warn!(
                    flag = %flag.id,
                    "{} enrolled vehicles have the plate of a flag: it stays on the plate; flag the \
                     right one by its identity",
                    more + 1
                ),
                _ => {}
            }
        }
        Ok(())
    }

    /// The new flag before the end of the old one: whatever happens in between, the vehicle is
    /// flagged, and the next look goes on from there.
    async fn move_to(&self, flag: Flag, vehicle: Vehicle) -> Result<(), MoveError> {
        let (old, plate) = (flag.id.clone(), flag.vehicle.clone());
        let asked = (plate.clone(), old.clone());
        let ask = move |engine: &Engine| engine.is_suspended(&asked.0, &asked.1);
        // Its vehicle was stopped: whoever lets the flag last longer looks for it still.
        if self.shards.ask(&plate, ask).await? {
            return Ok(());
        }
        let moved = Flag { id: successor(&old), vehicle: vehicle.id.clone(), ..flag };
        let by = By::server().because("its plate is enrolled");
        let act = Act::new(self.shards.clock().now(), acts::FLAG_MOVE, &by)
            .with("flag", moved.id.as_str())
            .with("was", old.as_str())
            .with("vehicle", vehicle.id.as_str())
            .with_some("drill", moved.drill.then_some(true))
            .of(&serde_json::to_vec(&moved).unwrap_or_default());
        self.hold_too(&old, &moved.id).await?;
        let note = format!("it goes on as {}, on {}", moved.id, vehicle.id);
        // The vehicle first: the flag's event shows what it is.
        let inputs = vec![Input::Vehicle(vehicle), Input::Flag(moved)];
        self.shards.tell_noted(inputs, vec![act]).await?;
        let (reason, by) = (FlagEnd::Moved, Some(by.who));
        let end = Input::Withdraw { flag: old, vehicle: plate, reason, note: Some(note), by };
        Ok(self.shards.tell(vec![end]).await?)
    }

    /// What is held of a flag is held of what it goes on as.
    async fn hold_too(&self, old: &FlagId, new: &FlagId) -> Result<(), StoreError> {
        let (store, old, new) = (self.store.clone(), old.clone(), new.clone());
        let now = self.shards.clock().now();
        blocking(move || {
            let Some(hold) = store.holds()?.remove(&old) else { return Ok(()) };
            let Hold { by, reason, .. } = &hold;
            let by = By::named(by.clone()).because(reason.clone());
            let act = Act::new(now, acts::FLAG_HOLD, &by).with("flag", new.as_str());
            store.hold(&new, Some(&hold), act)
        })
        .await
    }
}

/// Whether a flag is on a plate, and works: what waits for an approval raises nothing yet.
fn is_to_move(flag: &Flag) -> bool {
    flag.vehicle.as_str().starts_with("plate:") && flag.state != FlagState::Applied
}

/// The plate's colour, where the flag states one: `plate:KEY:COLOUR`.
fn colour_of(vehicle: &VehicleId) -> Option<&str> {
    vehicle.as_str().strip_prefix("plate:")?.split_once(':').map(|(_, colour)| colour)
}

/// Whether a vehicle may have a plate of that colour, where one is asked for.
fn is_of_colour(vehicle: &Vehicle, colour: Option<&str>) -> bool {
    match (colour, &vehicle.plate_colour) {
        (Some(asked), Some(known)) => asked == known.to_lowercase(),
        _ => true,
    }
}

/// The identity of what a flag goes on as: the same at every try, so that no try makes a second one.
fn successor(flag: &FlagId) -> FlagId {
    let numbered = flag.as_str().rsplit_once('-');
    let numbered = numbered.and_then(|(stem, number)| Some((stem, number.parse::<u32>().ok()?)));
    match numbered {
        Some((stem, number)) => format!("{stem}-{}", number.saturating_add(1)).as_str().into(),
        None => format!("{flag}-2").as_str().into(),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Closed)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_flag_s_name_tells_of_the_one_before() {
        assert_eq!(successor(&"0123abcd".into()).as_str(), "0123abcd-2");
        assert_eq!(successor(&"0123abcd-2".into()).as_str(), "0123abcd-3");
        assert_eq!(successor(&"case-x".into()).as_str(), "case-x-2");
    }

    #[test]
    fn the_colour_is_read_of_the_identity() {
        assert_eq!(colour_of(&"plate:A1:blue".into()), Some("blue"));
        assert_eq!(colour_of(&"plate:A1".into()), None);
        assert_eq!(colour_of(&"v:blue".into()), None);
    }
}
