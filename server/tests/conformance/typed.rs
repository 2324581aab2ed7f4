//! Typed calls between objects, and from Rust code outside of them.

use std::sync::mpsc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tickstone_server::object::caller::Caller;
use tickstone_server::object::context::Context;
use tickstone_server::object::contract::CallError;
use tickstone_server::object::job::{JobError, JobId, JobResult};
use tickstone_server::object::simple::Simple;
use tickstone_server::object::typed::{Methods, reply_of};
use tickstone_server::testing::Testbed;
use tickstone_server::{Handle, handle};
use tickstone_shared::ids::ObjectName;

/// A number that others add to.
#[derive(Default, Serialize, Deserialize)]
struct Sum(u64);

#[derive(Serialize, Deserialize)]
enum SumCall {
    Add(u64),
}

impl Methods for SumCall {
    type Reply = u64;
}

impl Simple for Sum {
    const CLASS: &'static str = "sum";
    type Call = SumCall;

    fn call(&mut self, _: &mut Context<'_>, caller: &Caller, call: SumCall) -> Result<u64, CallError> {
        let SumCall::Add(number) = call;
        if number == 0 {
            return Err(CallError::Invalid(format!("{caller:?} adds nothing")));
        }
        self.0 += number;
        Ok(self.0)
    }
}

/// Has a sum add, and keeps what it heard.
#[derive(Default, Serialize, Deserialize)]
struct Asker(Vec<String>);

#[derive(Serialize, Deserialize)]
enum AskerCall {
    Have(String, u64),
    Heard,
}

impl Methods for AskerCall {
    type Reply = Vec<String>;
}

impl Simple for Asker {
    const CLASS: &'static str = "asker";
    type Call = AskerCall;

    fn call(&mut self, ctx: &mut Context<'_>, _: &Caller, call: AskerCall) -> Result<Vec<String>, CallError> {
        if let AskerCall::Have(name, number) = call {
            ctx.ask::<Sum>(ObjectName::parse(&name).unwrap(), &SumCall::Add(number))?;
        }
        Ok(self.0.clone())
    }
    fn on_done(&mut self, _: &mut Context<'_>, _: JobId, result: JobResult) {
        self.0.push(match reply_of::<Sum>(result) {
            Ok(sum) => format!("it is {sum}"),
            Err(JobError::Call(error)) => error.to_string(),
            Err(other) => format!("{other:?}"),
        });
    }
}

fn bed() -> Testbed {
    Testbed::new().object::<Sum>().object::<Asker>()
}

#[test]
fn gate_2_an_object_asks_another_by_its_type_and_is_told_the_typed_reply() {
    let mut bed = bed().forgetful();
    for number in [2, 3, 0] {
        bed.ask::<Asker>("a", &AskerCall::Have("one".to_owned(), number)).unwrap();
    }
    let heard = bed.ask::<Asker>("a", &AskerCall::Heard).unwrap();
    assert_eq!(heard[..2], ["it is 2", "it is 5"]);
    assert!(heard[2].contains("adds nothing") && heard[2].contains("asker"), "who asks is known: {heard:?}");
    assert_eq!(bed.ask::<Sum>("one", &SumCall::Add(1)), Ok(6));
}

#[test]
fn id_3_a_typed_handle_wakes_its_object_with_the_first_call_and_no_sooner() {
    let mut bed = bed();
    let objects = bed.objects();
    let one: Handle<Sum> = handle(&objects, ObjectName::parse("one").unwrap());
    assert_eq!((one.identity().class, one.identity().name.as_str()), ("sum", "one"));
    bed.settle();
    assert_eq!((bed.awake(), bed.commits()), (0, 0));
    let (told, heard) = mpsc::channel();
    for number in [4, 0] {
        let told = told.clone();
        one.call(&SumCall::Add(number), move |reply| told.send(reply).unwrap());
        bed.settle();
    }
    assert_eq!(heard.try_recv(), Ok(Ok(4)));
    assert!(matches!(heard.try_recv(), Ok(Err(CallError::Invalid(_)))));
    assert_eq!(bed.awake(), 1);
    let waits = std::thread::spawn(move || one.ask(&SumCall::Add(3)));
    while !waits.is_finished() {
        bed.settle();
    }
    assert_eq!(waits.join().unwrap(), Ok(7));
    bed.advance(Duration::from_secs(60));
    assert_eq!(bed.awake(), 0, "a handle keeps nobody awake");
}
