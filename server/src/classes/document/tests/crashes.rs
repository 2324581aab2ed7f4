//! The process dies at each commit of a story: what somebody else has seen is there, and nothing is there twice.

use super::*;

const STEPS: u64 = 12;

/// Comes back if the process died; what was not stored is told again, as Yjs does.
fn back(bed: &mut Testbed, editor: &mut Editor) {
    if closed(bed, editor.socket).is_some() {
        editor.connect(bed);
    }
    editor.hear(bed);
}

fn step(bed: &mut Testbed, ann: &mut Editor, n: u64) {
    match n {
        4 => bed.advance(SECOND * 5),
        5 => drop(ask(bed, "keep", Value::Null)),
        9 => bed.advance(Duration::from_secs(400)),
        n => ann.type_in(bed, 0, &format!("<{n}>")),
    }
}

fn run(bed: &mut Testbed, mut look: impl FnMut(&mut Testbed, &Editor)) -> (String, Value) {
    let (mut ann, mut bob) = (Editor::enter(bed, "ann"), Editor::enter(bed, "bob"));
    for n in 0..STEPS {
        step(bed, &mut ann, n);
        // Somebody who died with the server has heard until then.
        bob.hear(bed);
        look(bed, &bob);
        back(bed, &mut ann);
        back(bed, &mut bob);
    }
    assert_eq!(ann.text(), bob.text());
    (ann.text(), content(bed))
}

#[test]
fn a_crash_at_any_commit_takes_no_edit_that_somebody_else_has_seen_and_doubles_none() {
    let mut untouched = bed();
    let wanted = run(&mut untouched, |_, _| {});
    assert_eq!(wanted.0, "<11><10><8><7><6><3><2><1><0>");
    let commits = untouched.commits();
    assert!(commits >= 11, "nine edits and two snapshots: {commits}");
    for dies_at in 1..=commits {
        let mut bed = bed();
        bed.crash_at_commit(dies_at);
        let mut crashed = 0;
        let done = run(&mut bed, |bed, bob| {
            crashed += u32::from(closed(bed, bob.socket).is_some());
            let stored = content(bed)["text"].as_str().unwrap_or_default().to_owned();
            let seen = bob.text();
            assert!(seen.split_inclusive('>').all(|edit| stored.contains(edit)), "{seen} of {stored}");
        });
        assert_eq!((done, crashed), (wanted.clone(), 1), "commit {dies_at}");
    }
}

#[test]
fn a_restore_is_there_whole_or_not_at_all() {
    for dies_at in 1..=2 {
        let mut bed = bed();
        let (mut ann, mut bob) = (Editor::enter(&mut bed, "ann"), Editor::enter(&mut bed, "bob"));
        ann.type_in(&mut bed, 0, "old");
        ask(&mut bed, "keep", Value::Null).unwrap();
        ann.type_in(&mut bed, 0, "new ");
        bob.hear(&mut bed);
        bed.crash_at_commit(dies_at);
        let restored = ask(&mut bed, "restore", json!({ "version": 1 }));
        bob.hear(&mut bed);
        let wanted = if dies_at == 1 { "new old" } else { "old" };
        assert_eq!((restored.is_err(), bob.text().as_str()), (dies_at == 1, wanted));
        assert_eq!(content(&mut bed)["text"], wanted);
    }
}
