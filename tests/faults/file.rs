//! `fault-plan.toml`, and what comes from the environment.

use super::*;

#[test]
fn what_happened_is_written_as_a_plan() {
    let mut frames = datagrams(5);
    frames[2].octets = (Ethernet::new() / Ipv4::new() / Udp::new().sport(9)).build().unwrap();
    frames[2].mode = Mode::Tap;
    let plan = FaultPlan::new().seed(7).to_host(|frames| {
        frames
            .drop_nth(1, Udp::new().dport(53))
            .swap(4, 5)
            .frame(2, FrameFault::Delay { by: Duration::from_nanos(1_500_000) })
    });
    let plan = plan.device(|device| device.on(Call::Transmit, 1.., CallFault::Eagain).at(ms(20), LinkFault::Down));
    let (_, mut injector) = run(plan, &frames);
    injector.on_call(Call::Transmit, ms(30));
    let wanted = r#"# What the faults of a test did. To do it again: TUNTAP_TEST_FAULTS=<this file> cargo test <the test>
seed = 7

to_host = [
    { frame = 1, fault = "drop" }, # 192.0.2.2:9 > 192.0.2.1:53 UDP 8 octets (drop_nth 1)
    { frame = 2, fault = "delay", by = "1500us" }, # 192.0.2.2:9 > 192.0.2.1:53 UDP 8 octets (planned)
    { frame = 4, fault = "swap", with = 5, at_most = "10ms" }, # 192.0.2.2:9 > 192.0.2.1:53 UDP 8 octets (planned)
]

device = [
    { at = "20ms", fault = "down" }, # (planned)
    { transmit = 1, fault = "EAGAIN" }, # (on transmit 1..)
]
"#;
    assert_eq!(injector.to_toml(), wanted);
    assert_eq!(FaultPlan::from_toml(wanted).unwrap(), injector.exact_plan());
}

#[test]
fn a_plan_that_is_no_plan_names_line_and_cure() {
    let mistakes = [
        (
            "seed = 7\nseeds = 8\n",
            "line 2: `seeds` is no part of a plan: there are seed, to_host, to_device and device",
        ),
        ("seed = 7\nseed = 8\n", "line 2: `seed` is there twice"),
        ("seed = -7\n", "line 1: `-7` is no number that `seed` can have: write one as 12 or 0x0c"),
        ("seed = 007\n", "line 1: `007` is no number that `seed` can have: write one as 12 or 0x0c"),
        ("seed = 7 to_host = []", "line 1: `to_host` stands where the line's end should be"),
        ("to_host = 3", "line 1: `3` stands where `[` should be"),
        ("to_host = [\n  { frame = 1 },\n]", "line 2: this fault needs `fault`"),
        ("to_host = [\n\n  { fault = \"drop\" },\n]", "line 3: this fault needs `frame`"),
        ("to_host = [{ frame = 0, fault = \"drop\" }]", "line 1: `frame` is counted from 1"),
        ("to_host = [{ frame = 1, fault = drop }]", "line 1: `drop` is no fault's name: write it as \"drop\""),
        ("to_host = [{ frame = 1, fault = \"drop\", by = 3 }]", "line 1: `by` has no meaning for this fault"),
        (
            "to_host = [{ frame = 1, fault = \"delay\", by = 3 }]",
            "line 1: `3` is no time that `by` can have: write one as \"20ms\", in s, ms, us or ns",
        ),
        (
            "to_host = [{ frame = 1, fault = \"delay\", by = \"ms\" }]",
            "line 1: \"ms\" is no time that `by` can have: write one as \"20ms\", in s, ms, us or ns",
        ),
        (
            "to_host = [{ frame = 1, fault = \"delay\", by = \"18446744073709551616s\" }]",
            "line 1: \"18446744073709551616s\" is no time that `by` can have: write one as \"20ms\", in s, ms, us or ns",
        ),
        (
            // 2^128 nanoseconds and a little more, which must not count as that little.
            "to_host = [{ frame = 1, fault = \"delay\", by = \"340282366920938463463374607432s\" }]",
            "line 1: \"340282366920938463463374607432s\" is no time that `by` can have: write one as \"20ms\", in s, ms, us or ns",
        ),
        (
            "to_host = [{ frame = 4, fault = \"swap\", with = 4 }]",
            "line 1: frame 4 is swapped with a later one, and 4 is none",
        ),
        (
            "to_host = [{ frame = 1, fault = \"corrupt\", octet = 1, xor = 256 }]",
            "line 1: `256` is no number that `xor` can have: write one as 12 or 0x0c",
        ),
        (
            "to_host = [{ frame = 1, fault = \"corrupt\", octet = 1, xor = 1, repair = 1 }]",
            "line 1: `1` is neither true nor false, as `repair` is",
        ),
        (
            "to_host = [\n  { frame = 1, fault = \"drop\" }\n  { frame = 2 }]",
            "line 3: `{` stands where `,` or `]` should be",
        ),
        (
            "to_host = [{ frame = 1,\n fault = \"drop\" }]",
            "line 1: the line's end stands where a key such as frame or fault should be",
        ),
        ("to_host = [{ frame = 1, fault = \"drop\" }", "line 1: the file's end stands where `,` or `]` should be"),
        ("to_host = [{ frame = 1, frame = 2 }]", "line 1: `frame` is there twice"),
        (
            "to_host = [{ frame = 1, fault = \"dr\\u006fp\" }]",
            "line 1: the text \"dr… holds a backslash or a control character",
        ),
        ("\n\nto_host = [{ frame = 1, fault = \"drop", "line 3: a text has no second quotation mark"),
        (
            "device = [{ fault = \"down\" }]",
            "line 1: this fault needs `transmit`, `receive`, `at`, `before_transmit` or `before_receive`",
        ),
        (
            "device = [{ at = \"1s\", fault = \"EIO\" }]",
            "line 1: no fault of a link is called \"EIO\": there are down, up, mtu, queue, removed",
        ),
        (
            "device = [{ transmit = 1, fault = \"short_read\", octets = 1 }]",
            "line 1: no fault of a transmit is called \"short_read\": there are EAGAIN, EINTR, EIO, ENOBUFS, EBADFD",
        ),
        ("# fine\n[to_host]", "line 2: `to_host` stands where a section such as `[link.1]` should be"),
        ("[link.0]\n", "line 1: `link` is counted from 1"),
        ("[link.1]\n\n[link.1]\n", "line 3: `[link.1]` is there twice"),
        ("[link]\n", "line 1: `]` stands where `.` should be"),
        ("[link.1] seed = 7\n", "line 1: `seed` stands where the line's end should be"),
        ("[[link.1]]\n", "line 1: `[` stands where a section such as `[link.1]` should be"),
        (
            "seed = 7\n[link.1]\n",
            "line 2: a section stands behind what is for every link: give each link its own, or have no section",
        ),
        ("# \u{7}\n", "line 1: a comment cannot hold the control character '\\u{7}'"),
        ("seed ~ 7", "line 1: '~' has no meaning here"),
    ];
    for (text, message) in mistakes {
        let error = FaultPlans::from_toml(text).expect_err(text);
        assert_eq!(error.to_string(), message, "{text}");
    }
}

/// A file without sections is for every link, and such a file was all there was once.
#[test]
fn each_link_has_a_section_of_its_own() {
    let one = FaultPlans::from_toml("seed = 7\n").unwrap();
    assert_eq!((one.plan_of(1), one.plan_of(9)), (Some(&FaultPlan::new().seed(7)), Some(&FaultPlan::new().seed(7))));
    let text = "# two of three\n\n[link.1] # TUN tun0\nseed = 7\n\nto_host = [\n    { frame = 3, fault = \"drop\" },\n]\n\n[ link . 3 ]\n";
    let plans = FaultPlans::from_toml(text).unwrap();
    assert_eq!(plans.links().collect::<Vec<_>>(), [1, 3]);
    assert_eq!(plans.plan_of(1).unwrap().to_string(), "seed 7; to host: #3 dropped");
    assert_eq!((plans.plan_of(2), plans.plan_of(3)), (None, Some(&FaultPlan::new())));
    let error = FaultPlan::from_toml(text).unwrap_err().to_string();
    assert_eq!(error, "line 3: a section is of a file for several links, and one plan is read here");
}

#[test]
fn a_plan_may_be_written_freely() {
    let text = "# a comment\r\n\r\nseed=\"0xffffffffffffffff\" # another\r\nto_device=[ # and one\n\n{frame=0x3,fault=\"hold\",behind=2}\n,\n{ frame = 1, fault = \"duplicate\" }, ]\nto_host = []";
    let plan = FaultPlan::from_toml(text).unwrap();
    assert_eq!(plan.to_string(), "seed 18446744073709551615; to device: #1 duplicated, #3 held behind 2 more");
    assert_eq!(FaultPlan::from_toml(""), Ok(FaultPlan::new()));
    let hold = FrameFault::Hold { behind: 2, at_most: ms(10) };
    assert!(plan.exact().unwrap().contains(&ExactFault::Frame { towards: Towards::Device, frame: 3, fault: hold }));
}

#[test]
fn only_an_exact_plan_is_exact() {
    let exact = FaultPlan::new().swap(4, 5).with(ExactFault::Link { when: When::At(ms(1)), fault: LinkFault::Up });
    assert_eq!(exact.exact().unwrap().len(), 3);
    for plan in [
        FaultPlan::new().loss(0.1),
        FaultPlan::new().rate(1),
        FaultPlan::new().drop_nth(1, Udp::new()),
        FaultPlan::new().device(|device| device.on(Call::Receive, 1..=2, CallFault::Eio)),
        FaultPlan::new().device(|device| device.sometimes(Call::Receive, 0.1, CallFault::Eio)),
    ] {
        assert_eq!((plan.exact(), plan.to_toml()), (None, None), "{plan}");
    }
}

#[test]
fn a_plan_and_a_seed_come_from_the_environment() {
    let folder = std::env::temp_dir().join(format!("tuntap-test-faults-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("fault-plan.toml");
    let plan = FaultPlan::new().seed(9).swap(4, 5);
    std::fs::write(&file, plan.to_toml().unwrap()).unwrap();
    assert_eq!(plans_from(Some(file.as_os_str())).unwrap(), Some(plan.clone().into()));
    assert_eq!(plans_from(Some(folder.as_os_str())).unwrap(), Some(plan.into()));
    std::fs::write(&file, "seed = seven").unwrap();
    let error = plans_from(Some(file.as_os_str())).unwrap_err().to_string();
    let wanted = "fault-plan.toml: line 1: `seven` is no number that `seed` can have: write one as 12 or 0x0c; \
                  mend the line, or take it out";
    assert!(error.starts_with("TUNTAP_TEST_FAULTS=") && error.ends_with(wanted), "{error}");
    std::fs::remove_dir_all(&folder).unwrap();
    let error = plans_from(Some(folder.as_os_str())).unwrap_err().to_string();
    assert!(error.contains("give the fault-plan.toml of a failed test") && error.contains("absolute path"), "{error}");
    assert_eq!(plans_from(Some("".as_ref())).unwrap(), None);
    for (value, seed) in [(None, None), (Some(""), None), (Some("7"), Some(7)), (Some(" 0xFF "), Some(255))] {
        assert_eq!(seed_from(value.map(AsRef::as_ref)).unwrap(), seed, "{value:?}");
    }
    for value in ["-1", "+1", "0x", "0x+1", "1e3", "18446744073709551616", "seven"] {
        assert!(seed_from(Some(value.as_ref())).is_err(), "{value}");
    }
}
