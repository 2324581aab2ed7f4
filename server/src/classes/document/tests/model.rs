//! Two thousand random operations beside a plain model of a document.

use std::collections::BTreeMap;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

use super::*;

const OPERATIONS: usize = 2_000;
const NAMES: [&str; 4] = ["ann", "bob", "cid", "dan"];

/// A text and a map, and what they were.
#[derive(Debug, Default, Clone, PartialEq)]
struct Model {
    text: Vec<char>,
    map: BTreeMap<String, String>,
}

struct Run {
    bed: Testbed,
    model: Model,
    kept: BTreeMap<u64, Model>,
    editors: Vec<Editor>,
    rng: Pcg64Mcg,
}

impl Run {
    fn below(&mut self, n: usize) -> usize {
        (self.rng.next_u64() % n as u64) as usize
    }

    fn note_version(&mut self, version: &Value) {
        let number = version["version"].as_u64().unwrap();
        let model = self.model.clone();
        self.kept.entry(number).or_insert(model);
    }

    fn operation(&mut self, n: usize) {
        let who = self.below(NAMES.len());
        let (bed, editor) = (&mut self.bed, &mut self.editors[who]);
        if closed(bed, editor.socket).is_some() {
            editor.connect(bed);
        }
        editor.hear(bed);
        let key = format!("k{}", n % 7);
        match self.below(20) {
            0..=6 => {
                let at = self.below(self.model.text.len() + 1);
                let words: Vec<char> = format!("{n};").chars().collect();
                self.model.text.splice(at..at, words.iter().copied());
                let words: String = words.into_iter().collect();
                self.editors[who].type_in(&mut self.bed, at as u32, &words);
            }
            7..=9 if !self.model.text.is_empty() => {
                let at = self.below(self.model.text.len());
                let count = (1 + self.below(20)).min(self.model.text.len() - at);
                self.model.text.drain(at..at + count);
                let update = self.editors[who].edit(|txn| {
                    txn.get_or_insert_text("text").remove_range(txn, at as u32, count as u32);
                });
                send(&mut self.bed, self.editors[who].socket, messages::update(&update));
            }
            10..=12 => {
                self.model.map.insert(key.clone(), n.to_string());
                self.editors[who].set(&mut self.bed, &key, &n.to_string());
            }
            13 if self.model.map.remove(&key).is_some() => {
                let update =
                    self.editors[who].edit(|txn| drop(txn.get_or_insert_map("map").remove(txn, &key)));
                send(&mut self.bed, self.editors[who].socket, messages::update(&update));
            }
            14 => self.editors[who].leave(&mut self.bed),
            15 => {
                let kept = ask(&mut self.bed, "keep", Value::Null).unwrap();
                self.note_version(&kept);
            }
            16 => self.restore(),
            17 => {
                let seconds = self.below(400) as u64;
                self.bed.advance(SECOND * seconds as u32);
            }
            18 if self.below(5) == 0 => self.bed.restart(),
            _ => {}
        }
    }

    /// Some version that is still there and of which the model knows what it was.
    fn restore(&mut self) {
        let listed = ask(&mut self.bed, "versions", Value::Null).unwrap();
        let numbers: Vec<u64> = listed["versions"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|kept| kept["version"].as_u64())
            .collect();
        self.kept.retain(|number, _| numbers.contains(number));
        if self.kept.is_empty() {
            return;
        }
        let at = self.below(self.kept.len());
        let (version, model) =
            self.kept.iter().nth(at).map(|(number, model)| (*number, model.clone())).unwrap();
        let restored = ask(&mut self.bed, "restore", json!({ "version": version })).unwrap();
        self.note_version(&restored["before"]);
        self.model = model;
    }

    fn compare(&mut self) {
        let content = content(&mut self.bed);
        let text: String = self.model.text.iter().collect();
        assert_eq!(content["text"].as_str().unwrap_or_default(), text);
        assert_eq!(content.get("map").cloned().unwrap_or_else(|| json!({})), json!(self.model.map));
        for editor in &mut self.editors {
            if closed(&self.bed, editor.socket).is_none() {
                editor.hear(&mut self.bed);
                assert_eq!(editor.text(), text);
            }
        }
    }
}

#[test]
fn a_document_is_what_a_plain_model_of_it_is() {
    for mut bed in beds() {
        let editors = NAMES.map(|name| Editor::enter(&mut bed, name)).into();
        let (model, kept) = Default::default();
        let mut run = Run { bed, model, kept, editors, rng: Pcg64Mcg::seed_from_u64(6) };
        for n in 0..OPERATIONS {
            run.operation(n);
            if n % 20 == 0 {
                run.compare();
            }
        }
        run.compare();
        assert!(run.model.text.len() > 100 && run.kept.len() > 5, "too little happened");
    }
}
