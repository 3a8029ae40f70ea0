//! Shards on disks that fail and on disks that are nearly full.

use std::time::Duration;

use interdict_engine::{Class, Input, Observation, Setup, Type, Vehicle};
use interdict_protocols::{Alarm, AlarmSet, Fix, Time};

use super::{Condition, Refused, Shards};
use crate::clock::Clock;
use crate::store::testing::{Failure, flag};
use crate::store::{Space, Store};

const START: Time = Time::from_seconds(1_000);

fn start(store: &Store) -> Shards {
    Shards::start(store, &Setup::default(), Clock::new(START, 1.0), 1, 64).unwrap()
}

fn fix(second: i64, alarms: AlarmSet) -> Vec<Input> {
    let mut fix = Fix::new(START.plus_seconds(second as f64), 39.0, 121.6).unwrap();
    fix.alarms = alarms;
    vec![Input::Fix(Observation { device: "1".into(), vehicle: "v1".into(), fix })]
}

fn flagged(id: &str) -> Vec<Input> {
    let mut flag = flag(id, "v1");
    flag.expires_at = START.plus_seconds(86_400.0);
    vec![Input::Vehicle(Vehicle::unknown("v1".into())), Input::Flag(flag)]
}

fn kinds(store: &Store) -> Vec<Type> {
    let page = store.events_after(0, 100, |_| true).unwrap();
    page.events.iter().map(|event| event.kind).collect()
}

fn records(store: &Store) -> usize {
    store.load().unwrap().records.map(Result::unwrap).count()
}

/// Closes the shards, which waits for their threads.
async fn close(shards: Shards) {
    tokio::task::spawn_blocking(move || shards.close()).await.unwrap();
}

#[tokio::test]
async fn what_the_disk_failed_to_take_it_takes_once_it_can() {
    for failure in [Failure::Before, Failure::After] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let shards = start(&store);
        let mut conditions = shards.conditions();
        shards.tell(flagged("a")).await.unwrap();
        store.inject(failure);
        assert_eq!(shards.tell(fix(1, AlarmSet::only(Alarm::Sos))).await, Err(Refused::NotDurable));
        conditions.changed().await.unwrap();
        let Condition::Failing { reason } = shards.condition() else { panic!("{failure:?}") };
        assert!(reason.contains("injected"), "{reason}");
        // Nothing comes in meanwhile but who has logged in.
        assert_eq!(shards.tell(flagged("b")).await, Err(Refused::NotDurable));
        conditions.changed().await.unwrap();
        assert_eq!((shards.condition(), shards.reopened()), (Condition::Durable, 1));
        assert_eq!(kinds(&store), [Type::FlagAdded, Type::DeviceAlarm]);
        // The tracker has no answer and sends it again; whoever commanded does so, too.
        shards.tell(fix(1, AlarmSet::only(Alarm::Sos))).await.unwrap();
        shards.tell(flagged("b")).await.unwrap();
        let all = [Type::FlagAdded, Type::DeviceAlarm, Type::FlagAdded];
        assert_eq!(kinds(&store), all);
        close(shards).await;
        drop(store);
        let store = Store::open(folder.path(), "urn:test").unwrap();
        assert_eq!((kinds(&store), store.latest_sequence()), (all.to_vec(), 3));
    }
}

#[tokio::test]
async fn with_little_room_commands_and_alarms_are_stored_and_no_position_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let never = Space { free_bytes: u64::MAX, reserve_bytes: 0 };
    let store = Store::open_with(folder.path(), "urn:test", never).unwrap();
    let shards = start(&store);
    // A position of nobody in particular.
    assert_eq!(shards.tell(fix(1, AlarmSet::EMPTY)).await, Err(Refused::NotDurable));
    assert_eq!(shards.condition(), Condition::Scarce);
    shards.tell(flagged("a")).await.unwrap();
    let before = records(&store);
    for second in 2..10 {
        assert_eq!(shards.tell(fix(second, AlarmSet::EMPTY)).await, Err(Refused::NotDurable));
    }
    assert_eq!(records(&store), before, "they led to nothing");
    let alarm = fix(10, AlarmSet::only(Alarm::Sos));
    assert_eq!(shards.tell(alarm.clone()).await, Err(Refused::NotDurable));
    let mut latest = shards.latest();
    tokio::time::timeout(Duration::from_secs(30), latest.wait_for(|latest| *latest == 2))
        .await
        .expect("the alarm is told")
        .unwrap();
    assert_eq!(records(&store), before + 9, "and now they are part of what led to an alarm");
    shards.tell(vec![]).await.unwrap();
    assert_eq!(shards.tell(fix(11, AlarmSet::EMPTY)).await, Err(Refused::NotDurable));
    close(shards).await;
    drop(store);

    // There is room again.
    let store = Store::open(folder.path(), "urn:test").unwrap();
    assert_eq!(kinds(&store), [Type::FlagAdded, Type::DeviceAlarm]);
    let shards = start(&store);
    shards.tell(alarm).await.unwrap();
    shards.tell(fix(11, AlarmSet::EMPTY)).await.unwrap();
    assert_eq!(shards.condition(), Condition::Durable);
    assert_eq!(kinds(&store), [Type::FlagAdded, Type::DeviceAlarm]);
    close(shards).await;
}

#[tokio::test]
async fn tracks_are_left_out_before_they_take_the_room_of_what_matters_more() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), "urn:test").unwrap();
    let (free, _) = store.space_left();
    let keep = |store: &Store| {
        let (clock, classes) = (Clock::new(START, 1.0), [Class::Other].into());
        Shards::start_keeping(store, &Setup::default(), clock, (1, 64), classes).unwrap()
    };
    let kept = |store: &Store| {
        let always = Time::from_seconds(0)..Time::from_seconds(100_000);
        store.track(&"v1".into(), always, 100, |_| true).unwrap().fixes.len()
    };
    let shards = keep(&store);
    let before = records(&store);
    shards.tell(fix(1, AlarmSet::EMPTY)).await.unwrap();
    assert_eq!((kept(&store), records(&store), shards.not_kept()), (1, before, 0));
    close(shards).await;
    drop(store);

    // Enough for all that must be stored, and no more than that.
    let space = Space { free_bytes: free.unwrap() / 3 * 2, reserve_bytes: 0 };
    let store = Store::open_with(folder.path(), "urn:test", space).unwrap();
    let shards = keep(&store);
    shards.tell(fix(2, AlarmSet::EMPTY)).await.unwrap();
    shards.tell(flagged("a")).await.unwrap();
    shards.tell(fix(3, AlarmSet::only(Alarm::Sos))).await.unwrap();
    assert_eq!((shards.condition(), shards.not_kept()), (Condition::Durable, 2));
    assert_eq!((kept(&store), kinds(&store)), (1, vec![Type::FlagAdded, Type::DeviceAlarm]));
    close(shards).await;
}

#[tokio::test]
async fn it_is_known_when_the_fix_was_read_that_raised_an_alert() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), "urn:test").unwrap();
    let checkpoint = serde_json::json!({
        "id": "north", "name": "North", "kind": "throat-road", "unit": "station",
        "shape": {"point": {"latitude": 39.0, "longitude": 121.6}},
    });
    let checkpoints = vec![serde_json::from_value(checkpoint).unwrap()];
    let setup = Setup { checkpoints, ..Setup::default() };
    let shards = Shards::start(&store, &setup, Clock::new(START, 1.0), 1, 64).unwrap();
    shards.tell(flagged("a")).await.unwrap();
    let before = std::time::Instant::now();
    shards.tell(fix(0, AlarmSet::default())).await.unwrap();
    let page = store.events_after(0, 100, |_| true).unwrap();
    let raised = page.events.iter().find(|event| event.kind == Type::Raised).unwrap();
    assert!(shards.read_at(&raised.id).is_some_and(|read_at| read_at >= before));
    let added = page.events.iter().find(|event| event.kind == Type::FlagAdded).unwrap();
    assert_eq!(shards.read_at(&added.id), None);
    close(shards).await;
}
