//! Tracks of several classes and flags, in a store that time passes by as an argument.

use std::path::Path;

use interdict_engine::{Event, Flag, FlagState, Type};

use super::*;
use crate::audit::By;
use crate::store::testing::{Failure, event, flag};
use crate::store::{Purpose, Target, check_backup, restore};

/// The beginning of a day in UTC.
const DAY: Time = Time::from_seconds(20_000 * 86_400);
const DAY_MS: i64 = 86_400_000;

fn open(folder: &Path) -> Store {
    Store::open(folder, "urn:test").unwrap()
}

fn kept(vehicle: &str, class: Option<Class>, ms: i64) -> Kept {
    let at = DAY.plus_millis(ms);
    let fix = TrackFix { at, device: "1".into(), fix: Fix::new(at, 39.0, 121.5).unwrap() };
    Kept { vehicle: vehicle.into(), class, is_followed: false, fix }
}

fn followed(vehicle: &str, class: Option<Class>, ms: i64) -> Kept {
    Kept { is_followed: true, ..kept(vehicle, class, ms) }
}

fn keep(store: &Store, kept: &[Kept]) {
    store.commit_all(&[], &[], &[], kept).unwrap();
}

fn added(flag: Flag) -> Event {
    event(&format!("add {}", flag.id), Type::FlagAdded, flag)
}

/// When what can be read of a vehicle was received, ms after [`DAY`], and where the next page begins.
fn page(
    store: &Store,
    vehicle: &str,
    (from, to): (i64, i64),
    limit: usize,
) -> (Vec<i64>, Option<i64>) {
    let span = DAY.plus_millis(from)..DAY.plus_millis(to);
    let track = store.track(&vehicle.into(), span, limit, |_| true).unwrap();
    let ms = |at: Time| at.millis_since(DAY);
    (track.fixes.iter().map(|fix| ms(fix.at)).collect(), track.next.map(ms))
}

fn all(store: &Store, vehicle: &str) -> Vec<i64> {
    page(store, vehicle, (-10 * DAY_MS, 10 * DAY_MS), 10_000).0
}

fn class_day(class: Class, day: i64) -> Target {
    Target::ClassDay { class, ended_at: DAY.plus_millis((day + 1) * DAY_MS) }
}

fn rows(store: &Store) -> usize {
    store.handles().unwrap().journal.scan_prefix([TRACKS]).count()
}

#[test]
fn a_track_is_read_in_order_and_page_by_page_over_days_and_classes() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    // Its class changes at noon of the second day; others report at the same times.
    let half = DAY_MS + DAY_MS / 2;
    for ms in (0..3 * DAY_MS).step_by(3_600_000) {
        let class = if ms < half { Class::Patrol } else { Class::Armoured };
        keep(&store, &[kept("v", Some(class), ms), kept("w", Some(Class::Patrol), ms)]);
    }
    // What a tracker had stored comes at one instant, and nobody kept one of another class.
    keep(&store, &[4, 4, 4, 9].map(|ms| kept("v", Some(Class::Patrol), ms)));
    keep(&store, &[kept("taxi", None, 5)]);
    let hours: Vec<i64> = (0..72).map(|hour| hour * 3_600_000).collect();
    let whole: Vec<i64> = [0, 4, 4, 4, 9].into_iter().chain(hours[1..].iter().copied()).collect();
    let look = |store: &Store| {
        assert_eq!((all(store, "v"), all(store, "w")), (whole.clone(), hours.clone()));
        assert_eq!((all(store, "taxi"), all(store, "nobody")), (Vec::new(), Vec::new()));
    };
    look(&store);
    assert_eq!(page(&store, "v", (4, 9), 10), (vec![4, 4, 4], None));
    assert_eq!(page(&store, "v", (9, 9), 10), (Vec::new(), None));
    // No page parts what came at one instant, and together they are all of it.
    for limit in [1, 2, 3, 7, 76, 77] {
        let (mut found, mut from) = (Vec::new(), -1);
        loop {
            let (some, next) = page(&store, "v", (from, 3 * DAY_MS), limit);
            assert!((limit..limit + 3).contains(&some.len()) || next.is_none(), "{some:?}");
            found.extend(some);
            let Some(next) = next else { break };
            from = next;
        }
        assert_eq!(found, whole, "{limit}");
    }
    let stretches = store.stretches(&"v".into()).unwrap();
    let stretches: Vec<_> =
        stretches.into_iter().map(|stretch| (stretch.class_day.unwrap(), stretch.count)).collect();
    let day = |class, day: &str, count| ((class, day.to_owned()), count);
    let expected = [
        day(Class::Patrol, "2024-10-04", 24 + 4),
        day(Class::Armoured, "2024-10-05", 12),
        day(Class::Patrol, "2024-10-05", 12),
        day(Class::Armoured, "2024-10-06", 24),
    ];
    assert_eq!(stretches, expected);
    drop(store);
    look(&open(folder.path()));
}

#[test]
fn a_class_s_day_goes_at_once_and_never_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let fixes = |ms| {
        [("v", Class::Patrol), ("w", Class::Patrol), ("x", Class::Armoured)]
            .map(|(vehicle, class)| kept(vehicle, Some(class), ms))
    };
    // More than are cleared away at a time.
    let many: Vec<_> = (0..PURGE_CHUNK as i64).flat_map(fixes).collect();
    keep(&store, &many);
    keep(&store, &fixes(DAY_MS));
    let due = [class_day(Class::Patrol, 0)];
    let purged = store.purge(&due, DAY, &By::server()).unwrap();
    assert_eq!(purged.gone, due);
    let look = |store: &Store| {
        assert_eq!((all(store, "v"), all(store, "w")), (vec![DAY_MS], vec![DAY_MS]));
        assert_eq!(all(store, "x").len(), PURGE_CHUNK + 1);
        assert!(!folder.path().join("keys/class-patrol-2024-10-04.key").exists());
    };
    look(&store);
    assert_eq!(rows(&store), 3 * PURGE_CHUNK + 3);
    // As where the process ends before that is done.
    drop(store);
    let store = open(folder.path());
    look(&store);
    store.clear_purged_tracks().unwrap();
    assert_eq!(rows(&store), PURGE_CHUNK + 3);
    look(&store);
    // A period that is configured again on the same day begins with the next.
    keep(&store, &fixes(1)[..2]);
    look(&store);
    let entries = store.audit_entries(0, u64::MAX, usize::MAX).unwrap();
    let content = entries.last().unwrap().read_content().unwrap();
    assert_eq!(
        (&content.what["of"], &content.what["class"]),
        (&"class day".into(), &"patrol".into())
    );
}

#[test]
fn what_a_flag_keeps_stays_as_long_as_the_flag_s_tracks() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let waiting = Flag { state: FlagState::Applied, ..flag("waiting", "v") };
    store.commit(&[], &[added(waiting)]).unwrap();
    keep(&store, &[kept("v", Some(Class::Patrol), 1)]);
    store.commit(&[], &[added(flag("f", "v"))]).unwrap();
    keep(&store, &[followed("v", Some(Class::Patrol), 2), followed("t", None, 2)]);
    // Of a class without a period, from the moment that it is flagged.
    store.commit_all(&[], &[added(flag("g", "t"))], &[], &[followed("t", None, 3)]).unwrap();
    store.commit(&[], &[event("end", Type::FlagWithdrawn, flag("f", "v"))]).unwrap();
    keep(&store, &[kept("v", Some(Class::Patrol), 4), kept("t", None, 4)]);
    // Under two keys, and told once.
    assert_eq!((all(&store, "v"), all(&store, "t")), (vec![1, 2, 4], vec![3]));
    assert_eq!(store.stretches(&"v".into()).unwrap().len(), 2);
    store.purge(&[class_day(Class::Patrol, 0)], DAY, &By::server()).unwrap();
    store.clear_purged_tracks().unwrap();
    assert_eq!(all(&store, "v"), [2]);
    let tracks =
        |flag: &str| Target::Flag { flag: flag.into(), purpose: Purpose::Tracks, recall: false };
    assert!(store.keeps(&tracks("f")) && !store.keeps(&tracks("waiting")));
}

#[test]
fn a_covert_flag_s_track_is_for_its_units() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let covert = Flag { covert: vec!["narcotics".into()], ..flag("f", "v") };
    store.commit(&[], &[added(covert)]).unwrap();
    keep(&store, &[1, 2, 3].map(|ms| followed("v", None, ms)));
    keep(&store, &[followed("v", Some(Class::Patrol), 4)]);
    let read = |unit: &str| {
        let is_let_in = |covert: &[UnitId]| covert.is_empty() || covert.contains(&unit.into());
        let track = store.track(&"v".into(), DAY..DAY.plus_millis(10), 1, is_let_in).unwrap();
        (track.fixes.len(), track.next.map(|next| next.millis_since(DAY)))
    };
    assert_eq!(read("narcotics"), (1, Some(2)));
    // What its class keeps says nothing of a flag.
    assert_eq!(read("traffic"), (1, None));
}

#[test]
fn a_commit_that_failed_leaves_a_key_and_nothing_else() {
    for failure in [Failure::Before, Failure::After] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let fixes = [kept("v", Some(Class::Patrol), 1)];
        store.inject(failure);
        store.commit_all(&[], &[], &[], &fixes).unwrap_err();
        drop(store);
        let store = open(folder.path());
        assert!(folder.path().join("keys/class-patrol-2024-10-04.key").exists());
        let before = all(&store, "v");
        keep(&store, &fixes);
        assert_eq!(all(&store, "v").len(), before.len() + 1, "{failure:?}");
        store.purge(&[class_day(Class::Patrol, 0)], DAY, &By::server()).unwrap();
        store.clear_purged_tracks().unwrap();
        assert_eq!((all(&store, "v"), rows(&store)), (Vec::new(), 0));
    }
}

/// Passes bytes on, and does something once in between.
struct Meanwhile<F: FnOnce()>(Vec<u8>, Option<F>);

impl<F: FnOnce()> std::io::Write for Meanwhile<F> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if let Some(act) = self.1.take() {
            act();
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_backup_holds_the_tracks_of_its_moment_and_their_keys() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(folder.path());
    for ms in 0..3_000 {
        keep(&store, &[kept("v", Some(Class::Patrol), 2 * ms)]);
    }
    let before = page(&store, "v", (0, DAY_MS), 10_000);
    let act = || {
        // Among those before, on a day that had no key yet, and what is to go.
        keep(&store, &[kept("v", Some(Class::Patrol), 7), kept("v", Some(Class::Taxi), DAY_MS)]);
        store.purge(&[class_day(Class::Patrol, 0)], DAY, &By::server()).unwrap();
        store.clear_purged_tracks().unwrap();
    };
    let archive = store.backup(DAY, Meanwhile(Vec::new(), Some(act))).unwrap().0;
    check_backup(&archive[..]).unwrap();
    assert_eq!((page(&store, "v", (0, DAY_MS), 10_000).0.len(), rows(&store)), (0, 3_002));
    store.clear_purged_tracks().unwrap();
    assert_eq!(rows(&store), 1);

    let path = other.path().join("data");
    restore(&archive[..], &path, DAY, &By::server()).unwrap();
    let store = open(&path);
    assert_eq!(page(&store, "v", (0, DAY_MS), 10_000), before);
    assert_eq!((rows(&store), store.stretches(&"v".into()).unwrap().len()), (3_000, 1));
}
