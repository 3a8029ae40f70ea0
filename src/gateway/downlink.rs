//! Devices that are asked for something: now, or to report faster until further notice.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use interdict_protocols::{Ability, Command, DeviceId, Protocol};
use tokio::time::{MissedTickBehavior, interval};

use super::Shared;
use super::mailbox::Mail;
use crate::downlink::{Next, NotAsked, Request, Requests};

/// How often it is looked who is to be asked: a device that comes back is asked within that.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A device is told to report faster for so long, and told again halfway: if this server goes away,
/// its devices soon report as usual by themselves.
const ASK_FOR: Duration = Duration::from_secs(600);

/// Asks until the shutdown begins.
pub(super) async fn serve(shared: Arc<Shared>, mut requests: Requests) {
    let mut follower = Follower::new(shared.downlink.interval_s);
    let mut followed = BTreeSet::new();
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = shared.closing.cancelled() => return,
            next = requests.next() => match next {
                Next::Request(request) => {
                    ask(&shared, request);
                    continue;
                }
                Next::Followed => followed = requests.followed(),
            },
            _ = look.tick(), if !followed.is_empty() || !follower.is_idle() => {}
        }
        let line = |device: &DeviceId| line(&shared, device);
        for (device, command) in follower.look(&followed, Instant::now(), line) {
            // Where there is no room it has been asked so often that once more is no loss.
            let _ = post(&shared, &device, command, None);
        }
    }
}

/// Asks a device for something, once.
fn ask(shared: &Shared, request: Request) {
    let Request { device, command, answer } = request;
    if !shared.downlink.enabled {
        // Nobody waits any more.
        let _ = answer.send(Err(NotAsked::Off));
        return;
    }
    if let Err((Some(answer), why)) = post(shared, &device, command, Some(answer)) {
        let _ = answer.send(Err(why));
    }
}

type Answer = tokio::sync::oneshot::Sender<Result<&'static str, NotAsked>>;

/// Puts a command where the device's connection finds it.
fn post(
    shared: &Shared,
    device: &DeviceId,
    command: Command,
    answer: Option<Answer>,
) -> Result<(), (Option<Answer>, NotAsked)> {
    let Some((spoken, talk)) = shared.sessions.talk(device) else {
        return Err((answer, NotAsked::NotConnected));
    };
    let mail = Mail { peer: talk.peer, device: spoken, command, answer };
    talk.mailbox.put(mail).map_err(|mail| (mail.answer, NotAsked::Busy))
}

/// A device's connection, as far as it matters here.
#[derive(Clone, Copy)]
struct Line {
    /// Another number after each new connection.
    session: u64,
    protocol: &'static Protocol,
}

/// The connection of a device that may be asked to report faster.
fn line(shared: &Shared, device: &DeviceId) -> Option<Line> {
    let (_, talk) = shared.sessions.talk(device)?;
    let enrolment = shared.registry.find(device)?;
    let (session, protocol) = (talk.number(), talk.protocol);
    let may = shared.downlink.follows(enrolment.model.as_deref(), protocol.name);
    may.then_some(Line { session, protocol })
}

/// Who has been asked to report faster, and when they are to be asked again.
struct Follower {
    interval_s: u16,
    asked: HashMap<DeviceId, Asked>,
}

struct Asked {
    session: u64,
    /// When to ask again.
    again: Instant,
    /// Until when the device reports faster by itself.
    until: Option<Instant>,
}

impl Follower {
    fn new(interval_s: u16) -> Self {
        Self { interval_s, asked: HashMap::new() }
    }

    /// Whether nobody is left who would have to be told to report as usual.
    fn is_idle(&self) -> bool {
        self.asked.is_empty()
    }

    /// What is to be said now, so that those `followed` report faster and nobody else does.
    fn look(
        &mut self,
        followed: &BTreeSet<DeviceId>,
        now: Instant,
        line: impl Fn(&DeviceId) -> Option<Line>,
    ) -> Vec<(DeviceId, Command)> {
        let mut said = Vec::new();
        self.asked.retain(|device, asked| {
            if followed.contains(device) {
                return true;
            }
            // One that is away is told when it comes back, unless it has forgotten by then.
            let Some(_) = asked.until.filter(|until| *until > now) else { return false };
            let is_there = line(device).is_some();
            if is_there {
                said.push((device.clone(), Command::ReportAsUsual));
            }
            !is_there
        });
        for device in followed {
            let Some(line) = line(device) else { continue };
            let asked = self.asked.get(device);
            if asked.is_some_and(|asked| asked.session == line.session && asked.again > now) {
                continue;
            }
            let can = |ability| {
                line.protocol.commands.is_some_and(|commands| commands.abilities.contains(&ability))
            };
            let interval_s = self.interval_s;
            let (command, again, until) = if can(Ability::Interval) {
                let for_s = u32::try_from(ASK_FOR.as_secs()).unwrap_or(u32::MAX);
                let command = Command::ReportEvery { interval_s, for_s };
                (command, now + ASK_FOR / 2, Some(now + ASK_FOR))
            } else if can(Ability::Position) {
                // A moment early, so that looking once a second keeps the interval.
                let wait =
                    Duration::from_secs(u64::from(interval_s)).saturating_sub(LOOK_EVERY / 2);
                (Command::Position, now + wait, None)
            } else {
                continue;
            };
            said.push((device.clone(), command));
            self.asked.insert(device.clone(), Asked { session: line.session, again, until });
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use interdict_protocols::find;

    use super::*;

    fn line(session: u64, protocol: &str) -> Option<Line> {
        find(protocol).map(|protocol| Line { session, protocol })
    }

    fn only(device: &str) -> BTreeSet<DeviceId> {
        BTreeSet::from([DeviceId::from(device)])
    }

    const FASTER: Command = Command::ReportEvery { interval_s: 5, for_s: 600 };

    #[test]
    fn a_device_is_asked_once_and_again_halfway_and_when_it_comes_back() {
        let (mut follower, start) = (Follower::new(5), Instant::now());
        let followed = only("1");
        let mut said = |second, session| {
            let now = start + Duration::from_secs(second);
            let said = follower.look(&followed, now, |_| line(session, "jt808"));
            said.into_iter().map(|(_, command)| command).collect::<Vec<_>>()
        };
        assert_eq!(said(0, 1), [FASTER]);
        assert_eq!(said(1, 1), []);
        assert_eq!(said(2, 2), [FASTER], "another connection");
        assert_eq!(said(300, 2), []);
        assert_eq!(said(302, 2), [FASTER]);
    }

    #[test]
    fn the_end_is_told_also_to_who_was_away() {
        let (mut follower, start) = (Follower::new(5), Instant::now());
        let (followed, nobody) = (only("1"), BTreeSet::new());
        let here = |_: &DeviceId| line(1, "jt808");
        let away = |_: &DeviceId| None;
        let at = |second| start + Duration::from_secs(second);
        follower.look(&followed, at(0), here);
        assert_eq!(follower.look(&nobody, at(10), away), []);
        assert!(!follower.is_idle());
        let end = [(DeviceId::from("1"), Command::ReportAsUsual)];
        assert_eq!(follower.look(&nobody, at(20), here), end);
        assert!(follower.is_idle());
        follower.look(&followed, at(30), here);
        assert_eq!(follower.look(&nobody, at(630), away), []);
        assert!(follower.is_idle(), "it reports as usual by itself");
    }

    #[test]
    fn who_knows_no_interval_is_asked_each_time() {
        let (mut follower, start) = (Follower::new(5), Instant::now());
        let followed = only("1");
        let mut count = 0;
        for second in 0..60 {
            let now = start + Duration::from_secs(second);
            for (_, command) in follower.look(&followed, now, |_| line(1, "teltonika")) {
                assert_eq!(command, Command::Position);
                count += 1;
            }
        }
        assert_eq!(count, 12);
        assert_eq!(follower.look(&BTreeSet::new(), start, |_| line(1, "teltonika")), []);
        assert!(follower.is_idle(), "there is nothing to end");
    }

    #[test]
    fn who_can_be_asked_for_nothing_is_left_alone() {
        let mut follower = Follower::new(5);
        assert_eq!(follower.look(&only("1"), Instant::now(), |_| line(1, "t55")), []);
        assert!(follower.is_idle());
    }
}
