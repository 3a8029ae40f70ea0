//! What the importers make of files.

use interdict_engine::roads::RoadGraph;

use super::*;

/// A ring of four streets round a crossing of two, as OpenStreetMap XML, with more elements.
fn osm(more: &str) -> String {
    let mut text = String::from("<?xml version='1.0' encoding='UTF-8'?>\n<osm version=\"0.6\">\n");
    let nodes = [(1, 0.0, 0.0), (2, 0.0, 2.0), (3, 2.0, 2.0), (4, 2.0, 0.0), (5, 1.0, 1.0)];
    for (id, north, east) in nodes {
        let (latitude, longitude) = (38.9 + north / 1_000.0, 121.6 + east / 1_000.0);
        text += &format!("<node id=\"{id}\" lat=\"{latitude}\" lon=\"{longitude}\"/>\n");
    }
    let ring = r#"<way id="10"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="1"/>
        <tag k="highway" v="primary"/><tag k="name" v="Ring &amp; Bund"/></way>"#;
    text + ring + more + "</osm>"
}

fn graph(more: &str) -> RoadGraph {
    from_bytes(osm(more).as_bytes()).unwrap().graph
}

fn way(id: i64, points: &[i64], tags: &[(&str, &str)]) -> String {
    let points: String = points.iter().map(|point| format!("<nd ref=\"{point}\"/>")).collect();
    let tags: String = tags.iter().map(|(k, v)| format!("<tag k=\"{k}\" v=\"{v}\"/>")).collect();
    format!("<way id=\"{id}\">{points}{tags}</way>\n")
}

/// km/h of the street of a name, both ways; `None` where it is not there.
fn speeds(graph: &RoadGraph, name: &str) -> Option<[u8; 2]> {
    let pieces = 0..graph.pieces() as u32;
    let found = pieces.map(|piece| piece << 1).find(|street| graph.name(*street) == name)?;
    Some([graph.speed_kmh(found), graph.speed_kmh(found | 1)])
}

fn cut(tags: &[(&str, &str)]) -> Option<[u8; 2]> {
    let all: Vec<_> =
        [("name", "cut"), ("highway", "tertiary")].iter().chain(tags).copied().collect();
    speeds(&graph(&way(11, &[1, 5, 3], &all)), "cut")
}

#[test]
fn names_classes_and_default_speeds_are_read() {
    let graph = graph("");
    assert_eq!(speeds(&graph, "Ring & Bund"), Some([60, 60]));
    assert_eq!(graph.nodes(), 1, "a ring that nothing joins has one junction");
}

#[test]
fn limits_directions_and_access_are_read() {
    assert_eq!(cut(&[]), Some([40, 40]));
    assert_eq!(cut(&[("maxspeed", "30")]), Some([30, 30]));
    assert_eq!(cut(&[("maxspeed", "30 mph")]), Some([48, 48]));
    assert_eq!(cut(&[("maxspeed", "50"), ("maxspeed:backward", "20 mph")]), Some([50, 32]));
    assert_eq!(cut(&[("maxspeed", "signals")]), Some([40, 40]));
    assert_eq!(cut(&[("oneway", "yes")]), Some([40, 0]));
    assert_eq!(cut(&[("oneway", "-1")]), Some([0, 40]));
    assert_eq!(cut(&[("junction", "roundabout")]), Some([40, 0]));
    assert_eq!(cut(&[("access", "private")]), None);
    assert_eq!(cut(&[("access", "no"), ("motor_vehicle", "yes")]), Some([40, 40]));
    assert_eq!(cut(&[("motorcar", "no")]), None);
    assert_eq!(cut(&[("highway", "footway")]), None);
    assert_eq!(cut(&[("highway", "motorway")]), Some([100, 0]));
}

#[test]
fn a_turn_restriction_splits_its_junction() {
    let ways = way(11, &[1, 5], &[("highway", "tertiary"), ("name", "in")])
        + &way(12, &[5, 3], &[("highway", "tertiary")])
        + &way(13, &[5, 2], &[("highway", "tertiary")]);
    let relation = |tags: &str| {
        format!(
            "<relation id=\"1\"><member type=\"way\" ref=\"11\" role=\"from\"/>
             <member type=\"node\" ref=\"5\" role=\"via\"/>
             <member type=\"way\" ref=\"12\" role=\"to\"/>
             <tag k=\"type\" v=\"restriction\"/>{tags}</relation>"
        )
    };
    let free = graph(&ways).nodes();
    let with = |tags: &str| graph(&(ways.clone() + &relation(tags))).nodes();
    assert_eq!(with("<tag k=\"restriction\" v=\"no_right_turn\"/>"), free + 1);
    assert_eq!(with("<tag k=\"restriction\" v=\"only_left_turn\"/>"), free + 1);
    let for_lorries =
        "<tag k=\"restriction\" v=\"no_right_turn\"/><tag k=\"except\" v=\"motorcar\"/>";
    assert_eq!(with(for_lorries), free);
}

#[test]
fn a_ferry_for_cars_is_an_exit_and_one_for_people_is_none() {
    let ferry =
        |access: &str| way(20, &[2, 99], &[("route", "ferry"), ("name", "Ferry"), (access, "yes")]);
    assert_eq!(graph(&ferry("motor_vehicle")).exits().len(), 1);
    assert_eq!(graph(&ferry("foot")).exits().len(), 0);
}

#[test]
fn gzip_and_the_compact_file_are_known_by_what_they_contain() {
    let plain = graph(&way(11, &[1, 5, 3], &[("highway", "service")]));
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let text = osm(&way(11, &[1, 5, 3], &[("highway", "service")]));
    std::io::Write::write_all(&mut zipped, text.as_bytes()).unwrap();
    let zipped = zipped.finish().unwrap();
    assert_eq!(from_bytes(&zipped).unwrap().graph, plain);
    let compact = from_bytes(&plain.to_bytes()).unwrap();
    assert_eq!(compact.graph, plain);
    assert_eq!(compact.report, None);
    assert!(from_bytes(&zipped[..zipped.len() / 2]).is_err());
}

#[test]
fn bad_files_are_refused_with_a_reason() {
    let reason = |bytes: &[u8]| format!("{:#}", from_bytes(bytes).unwrap_err());
    let whole = osm("");
    assert!(reason(&whole.as_bytes()[..whole.len() - "</osm>".len()]).contains("cut short"));
    assert!(reason(&whole.as_bytes()[..whole.len() / 2]).contains("damaged at byte"));
    assert!(reason(b"<html></html>").contains("not OpenStreetMap's"));
    assert!(reason(b"PK\x03\x04zip").contains("neither"));
    assert!(reason(b"").contains("neither"));
    let empty = reason(b"{\"type\":\"FeatureCollection\",\"features\":[]}");
    assert!(empty.contains("no drivable roads"), "{empty}");
    assert!(reason(b"{\"type\":\"FeatureCollection\",\"feat").contains("cut short"));
    assert!(reason(b"{\"type\":\"Topology\"}").contains("no FeatureCollection"));
    assert!(reason(&[0, 0, 0, 14, 0x0a, 9, b'O', b'S', b'M']).contains("osm.pbf"));
    assert!(reason(b"<osm></osm>").contains("no drivable roads"));
}

fn line(properties: &str, points: &str) -> String {
    format!(
        "{{\"type\":\"Feature\",\"properties\":{properties},\
         \"geometry\":{{\"type\":\"LineString\",\"coordinates\":{points}}}}}"
    )
}

fn collection(features: &[String]) -> String {
    format!("{{\"type\":\"FeatureCollection\",\"features\":[{}]}}", features.join(","))
}

#[test]
fn geojson_lines_join_at_their_ends_and_not_where_they_cross() {
    let features = [
        line("{\"class\":\"primary\",\"name\":\"a\"}", "[[121.60,38.90],[121.61,38.90]]"),
        line("{\"class\":\"secondary\",\"maxspeed_kmh\":70}", "[[121.61,38.90],[121.61,38.91]]"),
        line("{\"oneway\":true,\"name\":\"c\"}", "[[121.61,38.91],[121.60,38.90]]"),
        // A bridge over the third.
        line("{\"name\":\"bridge\"}", "[[121.61,38.90],[121.607,38.906],[121.60,38.90]]"),
        line("{\"class\":\"ferry\",\"name\":\"Ferry\"}", "[[121.61,38.90],[121.7,38.8]]"),
        line("{\"route\":\"ferry\",\"name\":\"Boat\"}", "[[121.8,38.8],[121.60,38.90]]"),
    ];
    let graph = from_bytes(collection(&features).as_bytes()).unwrap().graph;
    assert_eq!((graph.nodes(), graph.pieces()), (3, 4));
    assert_eq!(speeds(&graph, "a"), Some([60, 60]));
    assert_eq!(speeds(&graph, ""), Some([70, 70]));
    assert_eq!(speeds(&graph, "c"), Some([30, 0]));
    let ferries: Vec<_> = graph.exits().iter().map(|exit| exit.name.as_str()).collect();
    assert_eq!(ferries, ["Ferry", "Boat"]);
    assert_eq!(graph.roughest_m(), 0, "what states no accuracy is where it is drawn");
}

#[test]
fn roads_say_how_roughly_they_are_drawn() {
    let features = [
        line("{\"name\":\"a\"}", "[[121.60,38.90],[121.61,38.90]]"),
        line("{\"name\":\"b\",\"accuracy_m\":800}", "[[121.61,38.90],[121.60,38.90]]"),
        line("{\"name\":\"c\",\"accuracy_m\":0}", "[[121.61,38.90],[121.60,38.91],[121.60,38.90]]"),
        line("{\"name\":\"d\",\"accuracy_m\":-1}", "[[121.61,38.90],[121.60,38.90]]"),
    ];
    let drawn_to = |accuracy: &str| {
        let rest = collection(&features).split_off(1);
        from_bytes(format!("{{\"accuracy_m\":{accuracy},{rest}").as_bytes()).unwrap()
    };
    let Imported { graph, warnings, .. } = drawn_to("250");
    let accuracies: Vec<_> = (0..graph.pieces() as u32)
        .map(|piece| (graph.name(piece << 1), graph.accuracy_m(piece << 1)))
        .collect();
    assert_eq!(accuracies, [("a", 250), ("b", 800), ("c", 0)]);
    assert_eq!(graph.roughest_m(), 800);
    let [one] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert!(one.starts_with("feature 4 (d): accuracy_m -1"), "{one}");
    let Imported { graph, warnings, .. } = drawn_to("\"some\"");
    assert_eq!(graph.accuracy_m(0), 0);
    assert!(warnings[0].contains("accuracy_m \"some\"") && warnings.len() == 2, "{warnings:?}");
}

#[test]
fn a_wrong_feature_is_named_and_the_rest_is_read() {
    let good = line("{\"name\":\"b\"}", "[[121.61,38.90],[121.60,38.90]]");
    let points = "[[121.60,38.90],[121.61,38.90]]";
    for (properties, named) in [
        ("{\"name\":\"a\",\"class\":\"boulevard\"}", "boulevard"),
        ("{\"name\":\"a\",\"maxspeed_kmh\":\"fast\"}", "fast"),
        ("{\"name\":\"a\",\"oneway\":7}", "oneway 7"),
    ] {
        let features = [line(properties, points), good.clone(), "17".to_owned()];
        let imported = from_bytes(collection(&features).as_bytes()).unwrap();
        assert_eq!(imported.graph.pieces(), 1);
        let [first, last] = imported.warnings.as_slice() else { panic!("{:?}", imported.warnings) };
        assert!(first.starts_with("feature 1 (a)") && first.contains(named), "{first}");
        assert!(last.starts_with("feature 3 cannot be read"), "{last}");
    }
}

#[test]
fn cities_in_both_formats_are_read() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/quality");
    for (file, least) in
        [("porto-alegre/roads.osm.pbf", 10_000), ("campo-grande/roads.osm.gz", 6_000)]
    {
        let path = shared.join(file);
        if !path.exists() {
            eprintln!("skipped: {} is not here", path.display());
            continue;
        }
        let imported = read(&path).unwrap();
        assert!(imported.graph.nodes() > least, "{file}: {} nodes", imported.graph.nodes());
        let again = from_bytes(&imported.graph.to_bytes()).unwrap();
        assert_eq!(again.graph, imported.graph);
        let bytes = std::fs::read(&path).unwrap();
        assert!(from_bytes(&bytes[..bytes.len() * 2 / 3]).is_err(), "{file} cut short");
    }
}
