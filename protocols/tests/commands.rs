//! What devices are asked for: the other end of the connection hears it, and nothing else.

#![expect(clippy::unwrap_used, reason = "a test fails loudly")]

use interdict_protocols::tracker::{Tracker, identity, tracker, tracker_protocols};
use interdict_protocols::{
    ALL, Ability, Command, Connection, DeviceId, HmacTokens, Item, Lent, Protocol, Time, Transport,
    Unsayable, find,
};
use proptest::prelude::*;

const NOW: Time = Time::from_seconds(1_781_488_800);

fn device(protocol: &str) -> DeviceId {
    identity(protocol, 7)
}

fn exchange(
    connection: &mut Connection,
    transport: Transport,
    tracker: &mut dyn Tracker,
    said: Vec<u8>,
) {
    let installation = HmacTokens::new(*b"fixture");
    let lent = Lent { received_at: NOW, installation: &installation };
    let mut said = said;
    while !said.is_empty() {
        let mut items = Vec::new();
        match transport {
            Transport::Tcp => connection.receive(&said, &lent, &mut items),
            Transport::Udp => connection.datagram(&said, &lent, &mut items),
        }
        said.clear();
        for item in items {
            if let Item::Reply { bytes, .. } = item {
                said.extend(tracker.hear(&bytes).say);
            }
        }
    }
}

/// A tracker that has said hello and reported once, and the server's end of its connection.
fn connected(
    protocol: &'static Protocol,
    device: &DeviceId,
) -> Option<(Connection, Box<dyn Tracker>)> {
    let (transport, mut tracker) = tracker(protocol.name, device)?;
    let mut connection = Connection::new(protocol, transport, None);
    let hello = tracker.hello();
    exchange(&mut connection, transport, tracker.as_mut(), hello);
    let fix = interdict_protocols::Fix::new(NOW, 38.9, 121.6).unwrap();
    let report = tracker.report(&fix);
    exchange(&mut connection, transport, tracker.as_mut(), report);
    Some((connection, tracker))
}

fn askable() -> impl Iterator<Item = (&'static Protocol, &'static [Ability])> {
    ALL.iter().filter_map(|protocol| Some((*protocol, protocol.commands?.abilities)))
}

/// Commands of each ability, one whose numbers have the bytes of delimiters included.
fn commands(ability: Ability) -> Vec<Command> {
    match ability {
        Ability::Position => vec![Command::Position],
        Ability::Interval => vec![
            Command::ReportEvery { interval_s: 5, for_s: 600 },
            Command::ReportEvery { interval_s: 0x7e, for_s: 0x7e * 0x7d },
            Command::ReportAsUsual,
        ],
        Ability::Text => vec![Command::Text("Please stop at the next lot 12".to_owned())],
    }
}

#[test]
fn what_is_asked_is_what_the_device_hears() {
    for (protocol, abilities) in askable() {
        let device = device(protocol.name);
        let (mut connection, mut tracker) = connected(protocol, &device).unwrap();
        assert_eq!(connection.device(), Some(&device), "{}", protocol.name);
        for command in abilities.iter().copied().flat_map(commands) {
            let bytes = connection.command(&device, None, &command, NOW);
            let bytes =
                bytes.unwrap_or_else(|error| panic!("{} {command:?}: {error}", protocol.name));
            // In one piece, and byte by byte.
            assert_eq!(tracker.hear(&bytes).asked, vec![command.clone()], "{}", protocol.name);
            let bytes = connection.command(&device, None, &command, NOW).unwrap();
            let heard: Vec<_> =
                bytes.iter().flat_map(|byte| tracker.hear(&[*byte]).asked).collect();
            assert_eq!(heard, [command], "{}", protocol.name);
        }
    }
}

#[test]
fn what_a_protocol_cannot_is_refused() {
    for protocol in ALL {
        let device = device(protocol.name);
        let abilities = protocol.commands.map_or(&[][..], |commands| commands.abilities);
        assert!(abilities.is_sorted(), "{}", protocol.name);
        let Some((mut connection, _)) = connected(protocol, &device) else {
            assert!(abilities.is_empty(), "{} cannot be played", protocol.name);
            continue;
        };
        for ability in [Ability::Position, Ability::Interval, Ability::Text] {
            for command in commands(ability) {
                let asked = connection.command(&device, None, &command, NOW);
                let expected = abilities.contains(&ability);
                assert_eq!(asked.is_ok(), expected, "{} {command:?}", protocol.name);
                if !expected {
                    assert_eq!(asked, Err(Unsayable::Unsupported), "{}", protocol.name);
                }
            }
        }
    }
    assert!(tracker_protocols().count() >= 12);
}

#[test]
fn a_password_of_the_installation_is_used() {
    let protocol = find("gl200").unwrap();
    let device = device("gl200");
    let (mut connection, mut tracker) = connected(protocol, &device).unwrap();
    let asked = connection.command(&device, Some("secret7"), &Command::Position, NOW).unwrap();
    assert!(asked.starts_with(b"AT+GTRTO=secret7,1,"), "{}", String::from_utf8_lossy(&asked));
    assert!(tracker.hear(&asked).asked.is_empty(), "its password is another");
    let smuggled = connection.command(&device, Some("a,4,,,,,,1$"), &Command::Position, NOW);
    assert_eq!(smuggled, Err(Unsayable::Password));
}

/// Text that may be anything, with the delimiters of the protocols more often than chance has them.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        ".*",
        Just("停车".to_owned()),
        "[ -~]{1,12}",
        prop::sample::select(vec![
            "\r\n",
            "\n",
            "\r",
            "#",
            "*",
            "$",
            ";",
            ",",
            "(",
            ")",
            "[",
            "]",
            "|",
            "~",
            "}",
            "@@",
            "\0",
            "\u{7e}",
            "\u{7d}",
            "#M#",
            "AP00)",
            ",B;",
            "*HQ,1,D1,000000,0,0#",
            "WHERE#",
            "AT+GTRTO=gl200,4,,,,,,0001$",
            "]\u{5b}3G*1*0002*CR]",
            "\u{85}",
            "\u{2028}",
            "\u{fffd}",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A text either is refused or arrives as it is, as one command.
    #[test]
    fn no_text_smuggles_a_command(text in hostile()) {
        for (protocol, _) in askable().filter(|(_, abilities)| abilities.contains(&Ability::Text)) {
            let device = device(protocol.name);
            let (mut connection, mut tracker) = connected(protocol, &device).unwrap();
            let command = Command::Text(text.clone());
            if let Ok(bytes) = connection.command(&device, None, &command, NOW) {
                let asked = tracker.hear(&bytes).asked;
                let [Command::Text(heard)] = asked.as_slice() else {
                    panic!("{}: {text:?} became {asked:?}", protocol.name)
                };
                // Terminals pay no heed to white space around a text.
                prop_assert_eq!(heard.trim(), text.trim(), "{}", protocol.name);
            }
        }
    }

    /// Nor does an identity or a password: what is said is one command, and asks for what was meant.
    #[test]
    fn no_identity_and_no_password_smuggles_a_command(id in hostile(), password in hostile()) {
        let id = DeviceId::from(id);
        for (protocol, abilities) in askable() {
            let usual = device(protocol.name);
            let (mut connection, mut tracker) = connected(protocol, &usual).unwrap();
            let (_, mut named) = connected(protocol, &id).unwrap();
            for command in abilities.iter().copied().flat_map(commands) {
                let Ok(bytes) = connection.command(&id, Some(&password), &command, NOW) else {
                    continue;
                };
                let printable = id.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric());
                // Only a text to a driver names nobody.
                prop_assert!(printable || protocol.name == "wialon" || protocol.name == "gl200"
                    || protocol.name == "teltonika" || protocol.name == "gt06");
                for tracker in [&mut tracker, &mut named] {
                    let asked = tracker.hear(&bytes).asked;
                    prop_assert!(
                        asked.is_empty() || asked == [command.clone()],
                        "{}: {:?} became {:?}", protocol.name, command, asked
                    );
                }
            }
        }
    }
}
