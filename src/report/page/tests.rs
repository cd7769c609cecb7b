use super::*;
use serde_json::{Value, json};

/// Two layers on the 16 cores of an npu1, as `report.json` says it.
fn small() -> Value {
    let layer = |name: &str, cascade: usize, column: usize, cycles: i64| {
        json!({
            "name": name, "operation": "dense", "rows": 8, "inputs": 64, "outputs": 32,
            "types": ["i8", "i8", "i32", "ui8"], "microtile": [4, 8, 8],
            "cascade": cascade, "chains": 2, "tile_inputs": 64 / cascade, "tile_outputs": 16,
            "rectangles": [{"column": column, "row": 2, "width": cascade, "height": 2}],
            "estimated_cycles": cycles,
            "choice": {
                "reason": "fewest tiles that hold it", "limit": "kernel", "latency_cycles": 250,
                "tile_bytes": 4096, "candidates": 7,
                "next_best": {"cascade": 1, "chains": 1, "tiles": 1, "interval_cycles": 1250, "latency_cycles": 250}
            }
        })
    };
    let tensor = |name: &str| json!({"name": name, "rows": 32, "features": 64, "type": "i8", "scale": 0.5, "zero_point": 0});
    let edge = |from: &str, to: &str, memory_tiles: Value, ports: Value| {
        json!({"from": from, "to": to, "features": 64, "regions": 2, "via": if memory_tiles == json!([]) { "shared_memory" } else { "memory_tile" },
            "memory_tiles": memory_tiles, "ports": ports})
    };
    json!({
        "version": 1, "model": "small.onnx", "device": "npu1",
        "array": {"columns": 4, "rows": 6, "first_core_row": 2},
        "objective": "latency", "tiles": 6, "memory_tiles": 2, "rows": 8, "iterations": 4,
        "placement": {"cost": 1.5, "lower_bound": 1.5, "optimal": true},
        "estimate": {
            "interval_cycles": 200, "latency_cycles": 1234, "minimizes": "cycles of latency", "value": 1234,
            "lower_bound": 1234, "optimal": true, "proof": "1234 cycles of latency, proven optimal"
        },
        "inputs": [tensor("x")], "outputs": [tensor("y")],
        "layers": [layer("first", 2, 0, 200), layer("second <&>", 1, 3, 100)],
        "edges": [
            edge("x", "first", json!([[0, 1]]), json!([[0, 0], [0, 1]])),
            edge("first", "second <&>", json!([]), json!([])),
            edge("second <&>", "y", json!([[3, 1]]), json!([[2, 1]])),
        ],
        "resources": {
            "core_tiles": {"used": 6, "available": 16},
            "core_memory": {"used": 24576, "available": 1048576},
            "memory_tiles": {"used": 2, "available": 4},
            "memory_tile_memory": {"used": 132072, "available": 2097152},
            "input_ports": {"used": 2, "available": 8},
            "output_ports": {"used": 1, "available": 8},
            "core_tile_bytes": 65536, "memory_tile_bytes": 524288,
            "layers": [
                {"constants": 1024, "activations": 1024, "stack": 2048},
                {"constants": 32768, "activations": 1024, "stack": 1024},
            ],
            "memory": [
                {"column": 0, "row": 1, "bytes": 131072, "channels": [2, 2]},
                {"column": 3, "row": 1, "bytes": 1000, "channels": [1, 1]},
            ],
            "links": [
                {"from": {"port": 0}, "to": {"memory_tile": [0, 1]}, "streams": 2},
                {"from": {"memory_tile": [0, 1]}, "to": {"layer": 0}, "streams": 2},
                {"from": {"layer": 1}, "to": {"memory_tile": [3, 1]}, "streams": 2},
                {"from": {"memory_tile": [3, 1]}, "to": {"port": 2}, "streams": 1},
            ],
        }
    })
}

fn report(value: Value) -> Report {
    serde_json::from_value(value).expect("it is a report")
}

/// Tags in order, without their attributes; text in between.
fn parts(html: &str) -> Vec<(Option<&str>, &str)> {
    let split = html.split('<').skip(1);
    split.map(|part| part.split_once('>').expect("a tag ends")).map(|(t, x)| (Some(t), x)).collect()
}

/// What a reader sees, a line per row, heading and paragraph.
fn visible(html: &str) -> String {
    let (_, body) = html.split_once("</figure>").expect("there is a floor plan");
    let mut text = String::new();
    for (tag, words) in parts(body) {
        match tag.unwrap_or_default() {
            "/tr" | "/h2" | "/p" | "/div" | "/footer" => text.push('\n'),
            "/td" | "/th" => text.push_str(" | "),
            "/span" => text.push(' '),
            _ => {}
        }
        text.push_str(words);
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_page_says_all_of_a_report() {
    insta::assert_snapshot!(visible(&report(small()).page()));
}

/// Without the empty array.
#[test]
fn a_floor_plan_shows_what_is_placed() {
    let plan = report(small()).floor_plan().replace("><", ">\n<");
    let (_, shown) = plan.split_once("</style>").expect("it has a style");
    let empty = [
        "<rect class=\"core\"",
        "<text class=\"axis\"",
        "<text class=\"kind\"",
        "</rect>",
        "</path>",
    ];
    let lines = shown.lines().filter(|line| !empty.iter().any(|start| line.starts_with(start)));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn every_tag_is_closed_and_names_are_text() {
    let mut value = small();
    value["model"] = json!("</title><script>alert(1)</script>");
    value["layers"][0]["name"] = json!("\"'><script>");
    value["inputs"][0]["name"] = json!("<!--");
    let page = report(value).page();
    let mut open: Vec<&str> = Vec::new();
    let style = |html: &str| html.contains("</style>");
    assert!(style(&page));
    for (tag, _) in parts(&page) {
        let tag = tag.unwrap_or_default();
        let name = tag.split(' ').next().unwrap_or_default();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "in {open:?}"),
            None if name == "meta" || name == "!DOCTYPE" => {}
            None => open.push(name),
        }
        assert!(name != "script" && !name.starts_with("!--"), "{tag}");
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn a_page_needs_no_other_file() {
    let page = report(small()).page().replace("http://www.w3.org/2000/svg", "");
    for word in ["http:", "https:", "//", "src=", "href", "url(", "@import", "<script", "<link"] {
        assert!(!page.contains(word), "{word}");
    }
}

/// Whatever someone wrote into `report.json`.
#[test]
fn extreme_numbers_are_survived() {
    let most = u64::MAX >> 1;
    let mut value = small();
    value["array"] = json!({"columns": u32::MAX, "rows": u32::MAX, "first_core_row": u32::MAX});
    value["rows"] = json!(0);
    value["layers"][0]["rectangles"] = json!([
        {"column": most, "row": most, "width": most, "height": most},
        {"column": 1, "row": 3, "width": most, "height": most},
        {"column": 1, "row": 3, "width": 0, "height": 0},
    ]);
    value["layers"][0]["cascade"] = json!(most);
    value["layers"][0]["tile_inputs"] = json!(most);
    value["layers"][0]["types"] = json!(["", "i", "ui99999999999999999999", "µ"]);
    value["layers"][1]["estimated_cycles"] = json!(i64::MIN);
    value["layers"][1]["choice"]["next_best"]["interval_cycles"] = json!(i64::MAX);
    value["estimate"]["interval_cycles"] = json!(i64::MIN);
    value["resources"]["layers"][0]["stack"] = json!(u64::MAX);
    value["resources"]["memory"][0]["column"] = json!(u32::MAX);
    value["resources"]["links"] = json!([
        {"from": {"layer": most}, "to": {"layer": 0}, "streams": most},
        {"from": {"port": u32::MAX}, "to": {"memory_tile": [u32::MAX, u32::MAX]}, "streams": 0},
    ]);
    value["edges"][0]["ports"] = json!([[most, most], [0, 0]]);
    let strange = report(value);
    assert!(strange.page().len() > 1000);
    assert!(strange.to_string().len() > 1000);
    let mut empty = small();
    for list in ["layers", "edges", "inputs", "outputs"] {
        empty[list] = json!([]);
    }
    empty["resources"] = json!({});
    assert!(report(empty).page().contains("</html>"));
}

#[test]
fn numbers_are_readable() {
    assert_eq!(grouped(0), "0");
    assert_eq!(grouped(999), "999");
    assert_eq!(grouped(1000), "1,000");
    assert_eq!(grouped(1_234_567), "1,234,567");
    assert_eq!(
        (signed(0).as_str(), signed(1250).as_str(), signed(-3).as_str()),
        ("±0", "+1,250", "−3")
    );
    assert_eq!((percent(0.0).as_str(), percent(0.0001).as_str()), ("0.0 %", "< 0.1 %"));
    assert_eq!((duration(0.105).as_str(), duration(3.784).as_str()), ("105 ns", "3.78 µs"));
    assert_eq!((duration(1500.0).as_str(), duration(25.94).as_str()), ("1.50 ms", "25.9 µs"));
}
