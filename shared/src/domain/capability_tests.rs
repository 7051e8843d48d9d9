use proptest::prelude::*;

use super::*;

fn parse(json: &str) -> serde_json::Result<Capability> {
    serde_json::from_str(json)
}

#[test]
fn wire_forms_round_trip() {
    for json in [
        r#""access_token_create""#,
        r#""kv_store_system_write""#,
        r#"{"name":"installation_id","id":"7"}"#,
        r#"{"name":"vcs","vcs":"github"}"#,
    ] {
        let capability = parse(json).unwrap();
        assert_eq!(serde_json::to_string(&capability).unwrap(), json);
    }
}

#[test]
fn unknown_members_and_words_are_refused() {
    for json in [
        r#"{"name":"installation_id","id":7}"#,
        r#"{"name":"installation_id","id":"7","x":1}"#,
        r#"{"name":"installation_id"}"#,
        r#"{"name":"vcs","id":"7"}"#,
        r#"{"id":"7"}"#,
        r#"{"name":"vcs","vcs":"github","vcs":"gitlab"}"#,
        r#"{"name":"vcs","vcs":"github","id":"7"}"#,
        r#""kv_store""#,
        "1",
        "null",
        "[]",
    ] {
        assert!(parse(json).is_err(), "{json}");
    }
}

#[test]
fn limited_capabilities_reach_only_what_they_name() {
    let namespace = Namespace { vcs: Vcs::Github, installation: InstallationId::new(7) };
    let of = |list: &[Capability]| list.iter().cloned().collect::<Capabilities>();
    assert!(of(&[]).reaches(namespace));
    assert!(of(&[Capability::InstallationId("7".into())]).reaches(namespace));
    assert!(!of(&[Capability::InstallationId("8".into())]).reaches(namespace));
    assert!(!of(&[Capability::InstallationId("7".into()), Capability::Vcs("gitlab".into())]).reaches(namespace));
}

#[test]
fn created_key_inherits_creator_limits_and_path_vcs() {
    let creator: Capabilities = [Capability::KvStoreRead, Capability::InstallationId("7".into())].into_iter().collect();
    let key = creator
        .granted_to_key(&[Capability::KvStoreRead].into_iter().collect(), Vcs::Github, &BTreeSet::new())
        .unwrap();
    assert!(key.holds(&Capability::InstallationId("7".into())));
    assert!(key.holds(&Capability::Vcs("github".into())));
}

#[test]
fn refresh_and_system_capabilities_cannot_be_requested() {
    let creator: Capabilities = [Capability::AccessTokenRefresh, Capability::KvStoreSystemRead].into_iter().collect();
    for asked in creator.iter() {
        let requested = [asked.clone()].into_iter().collect();
        assert_eq!(
            creator.granted_to_key(&requested, Vcs::Github, &BTreeSet::new()),
            Err(GrantError(vec![asked.clone()]))
        );
    }
}

#[test]
fn refusal_names_every_missing_capability() {
    let creator: Capabilities = [Capability::KvStoreRead, Capability::InstallationId("7".into())].into_iter().collect();
    let requested: Capabilities = [
        Capability::KvStoreRead,
        Capability::KvStoreWrite,
        Capability::AccessTokenRefresh,
        Capability::InstallationId("7".into()),
        Capability::InstallationId("8".into()),
        Capability::Vcs("gitlab".into()),
    ]
    .into_iter()
    .collect();
    let accessible = BTreeSet::from([InstallationId::new(7), InstallationId::new(8)]);
    let refused = creator.granted_to_key(&requested, Vcs::Github, &accessible).unwrap_err();
    assert_eq!(refused.names(), "access_token_refresh,installation_id:8,kv_store_write,vcs:gitlab");
    assert_eq!(creator.reached_among(&requested), BTreeSet::from([InstallationId::new(7)]));
    let refused = creator.narrowed_to(&requested).unwrap_err();
    assert_eq!(refused.names(), "access_token_refresh,installation_id:8,kv_store_write,vcs:gitlab");
}

#[test]
fn limits_are_within_a_set_that_names_them_all() {
    let of = |ids: &[&str]| -> Capabilities {
        let limits = ids.iter().map(|id| Capability::InstallationId((*id).into()));
        limits.chain([Capability::KvStoreRead, Capability::Vcs("github".into())]).collect()
    };
    for (inner, outer, within) in [
        (&[][..], &[][..], true),
        (&["7"], &[], true),
        (&[], &["7"], false),
        (&["7"], &["7"], true),
        (&["7"], &["7", "8"], true),
        (&["7", "8"], &["7"], false),
        (&["8"], &["7"], false),
    ] {
        assert_eq!(of(inner).lies_within(&of(outer)), within, "{inner:?} in {outer:?}");
    }
}

fn any_capability() -> impl Strategy<Value = Capability> {
    prop_oneof![
        Just(Capability::AccessTokenCreate),
        Just(Capability::AccessTokenRefresh),
        Just(Capability::KvStoreRead),
        Just(Capability::KvStoreWrite),
        Just(Capability::KvStoreSystemRead),
        (1_u64..4).prop_map(|id| Capability::InstallationId(id.to_string())),
        prop_oneof![Just("github"), Just("gitlab")].prop_map(|vcs| Capability::Vcs(vcs.into())),
    ]
}

fn any_set() -> impl Strategy<Value = Capabilities> {
    proptest::collection::btree_set(any_capability(), 0..6).prop_map(Capabilities)
}

/// Everything a set lets its holder do: each plain capability in each namespace it reaches.
fn powers(set: &Capabilities) -> BTreeSet<(Capability, Vcs, u64)> {
    let mut powers = BTreeSet::new();
    for vcs in Vcs::ALL {
        for id in 1..5 {
            let namespace = Namespace { vcs, installation: InstallationId::new(id) };
            if set.reaches(namespace) {
                powers.extend(set.iter().filter(|held| held.limit().is_none()).map(|held| (held.clone(), vcs, id)));
            }
        }
    }
    powers
}

proptest! {
    #[test]
    fn narrowed_token_never_exceeds_its_key(held in any_set(), requested in any_set()) {
        if let Ok(narrowed) = held.narrowed_to(&requested) {
            prop_assert!(powers(&narrowed).is_subset(&powers(&held)));
        }
    }

    #[test]
    fn created_key_never_exceeds_its_creator(held in any_set(), requested in any_set(), member in proptest::collection::btree_set(1_u64..5, 0..4)) {
        let accessible = member.into_iter().map(InstallationId::new).collect();
        for vcs in Vcs::ALL.into_iter().filter(|vcs| held.reaches_vcs(*vcs)) {
            if let Ok(granted) = held.granted_to_key(&requested, vcs, &accessible) {
                prop_assert!(powers(&granted).is_subset(&powers(&held)), "{granted:?}");
            }
        }
    }
}
