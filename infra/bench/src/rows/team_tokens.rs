//! a3: what the routes of team tokens add to hello, in units of their own storage calls.
//!
//! As a1. A creation writes its audit entry in the background, both in the route and in the calls that it is compared
//! with.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem, Update};

use crate::events::{body, event};
use crate::organization::Organization;
use crate::process::Sandbox;
use crate::report::Row;
use crate::rounds::{Of, ROUND, ROUNDS, Times, WARM_UP, absolutes, ratios, times};
use crate::rows::calls::run_to_end;
use crate::runtime_api::{Event, Outcome, Until};
use crate::sdk::{get, repeat};
use crate::{Bench, Result};

const HOW: &str =
    "closed loop, one at a time, 7 rounds of 2 s by turns; RATE_LIMIT_PRINCIPALS_PER_SECOND and _BURST are 0";
const CREATE_CALLS: &str = "its calls: GetItem of the caller's token, of its organization and of the team, a transaction of \
     three writes and a condition, and beside the answer the PutItem of the audit entry, which the next request meets on the one thread";
const READ_CALLS: &str =
    "its calls: GetItem of the caller's token, of its organization, of the token shown and of its team";
const LIST_CALLS: &str = "its calls: GetItem of the caller's token, of its organization and of the organization's name, and \
     one Query of 104 rows; what is above them is the document of 100 \
     tokens, packed as the client asks";

/// The results of one round.
struct Round {
    hello: Times,
    create: Times,
    read: Times,
    list: Times,
    create_calls: Times,
    read_calls: Times,
    list_calls: Times,
}

struct Subjects<'a> {
    bench: &'a Bench,
    hello: Sandbox,
    team_tokens: Sandbox,
    organization: Organization,
    /// How many tokens the SDK has created.
    written: AtomicU64,
}

/// a3: the median of the rounds' ratios.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let organization = run_to_end(Organization::new(&bench.stage, "timed"))?;
    let players = Subjects {
        bench,
        hello: bench.stage.function(bench.programs.hello()).start()?,
        team_tokens: bench.stage.team_tokens(&bench.programs).start()?,
        organization,
        written: AtomicU64::new(0),
    };
    let listed = body(&players.team_tokens.call(&players.organization.list())?);
    let listed = listed.get("data").and_then(|data| data.as_array()).map_or(0, Vec::len);
    if listed != 100 {
        return Err(format!("the list is of {listed} tokens").into());
    }
    players.round(WARM_UP)?;
    let rounds = (0..ROUNDS).map(|_| players.round(ROUND)).collect::<Result<Vec<_>>>()?;
    Ok(rows(&rounds))
}

impl Subjects<'_> {
    fn round(&self, time: Duration) -> Result<Round> {
        let until = Until::Elapsed(time);
        let of = |outcome: Outcome| times(&outcome.latencies);
        let route = |event: &Event| -> Result<Times> { Ok(of(self.team_tokens.api.repeat(until, event)?)) };
        Ok(Round {
            hello: of(self.hello.api.repeat(until, &event("GET", "/", "t", None))?),
            read: route(&self.organization.read())?,
            read_calls: self.read_calls(time)?,
            list: route(&self.organization.list())?,
            list_calls: self.list_calls(time)?,
            create: route(&self.organization.create())?,
            create_calls: self.create_calls(time)?,
        })
    }

    fn read_calls(&self, time: Duration) -> Result<Times> {
        let (own, shown) = (self.own_token(), format!("token#{}", self.organization.described.digits()));
        let sort_keys = [own, "organization".to_owned(), shown, self.team()];
        repeat(&self.bench.stage.endpoint(), time, async |sdk| {
            for sort_key in &sort_keys {
                get(sdk, self.table(), s(&self.partition()), s(sort_key)).await?;
            }
            Ok(())
        })
    }

    fn list_calls(&self, time: Duration) -> Result<Times> {
        let mut name = "organization-name#".to_owned();
        self.organization.name.bytes().try_for_each(|byte| write!(name, "{byte:02x}"))?;
        repeat(&self.bench.stage.endpoint(), time, async |sdk| {
            get(sdk, self.table(), s(&self.partition()), s(&self.own_token())).await?;
            get(sdk, self.table(), s(&self.partition()), s("organization")).await?;
            get(sdk, self.table(), s(&name), s("organization")).await?;
            let query = sdk.query().table_name(self.table()).consistent_read(true);
            let query = query.key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high");
            let query = query.expression_attribute_values(":pk", s(&self.partition()));
            let query = query.expression_attribute_values(":low", s("organization"));
            let answer = query.expression_attribute_values(":high", s("token#~")).send().await?;
            // The organization, its two teams, its own token, and the team's tokens.
            if answer.count == 104 { Ok(()) } else { Err(format!("the query is of {} rows", answer.count).into()) }
        })
    }

    fn create_calls(&self, time: Duration) -> Result<Times> {
        repeat(&self.bench.stage.endpoint(), time, async |sdk| {
            let number = self.written.fetch_add(1, Ordering::Relaxed);
            for sort_key in [self.own_token(), "organization".to_owned(), self.team()] {
                get(sdk, self.table(), s(&self.partition()), s(&sort_key)).await?;
            }
            let writes =
                [self.name_in_holder(number)?, self.put_row(number)?, self.delete_row(number.wrapping_sub(1))?];
            sdk.transact_write_items().set_transact_items(Some(writes.into())).send().await?;
            let entry = sdk.put_item().table_name(self.table());
            let entry = entry.item("pk", s("bench#audit")).item("sk", s(&format!("{number:033}")));
            let entry = entry.item("trail", s(&(number % 4).to_string())).item("text", s(&"x".repeat(250)));
            tokio::spawn(entry.send());
            Ok(())
        })
    }

    /// Makes the holder name its new token.
    fn name_in_holder(&self, number: u64) -> Result<TransactWriteItem> {
        let update = Update::builder().table_name(self.table()).key("pk", s("bench#team")).key("sk", s("team"));
        let update = update.update_expression("SET #token = :new").expression_attribute_names("#token", "token");
        let update = update.condition_expression("attribute_not_exists(w)");
        let update = update.expression_attribute_values(":new", s(&format!("at-{number:016}"))).build()?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// The row of the new token, in its usual size.
    fn put_row(&self, number: u64) -> Result<TransactWriteItem> {
        let put = Put::builder().table_name(self.table()).item("pk", s("bench#team")).item("sk", s(&row(number)));
        let put = put.item("secret_hash", AttributeValue::B(Blob::new([7; 32]))).item("text", s(&"x".repeat(130)));
        let put = put.condition_expression("attribute_not_exists(pk)").build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn delete_row(&self, number: u64) -> Result<TransactWriteItem> {
        let delete = Delete::builder().table_name(self.table()).key("pk", s("bench#team")).key("sk", s(&row(number)));
        Ok(TransactWriteItem::builder().delete(delete.build()?).build())
    }

    fn table(&self) -> &str {
        self.bench.stage.identity_table()
    }

    fn partition(&self) -> String {
        format!("organization#{}", self.organization.team.organization())
    }

    fn own_token(&self) -> String {
        format!("token#{}", self.organization.own.digits())
    }

    fn team(&self) -> String {
        format!("team#{}", self.organization.team.digits())
    }
}

fn row(number: u64) -> String {
    format!("token#{number:016}")
}

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn rows(rounds: &[Round]) -> Vec<Row> {
    let hello: Of<Round> = |round| round.hello;
    let routes: [(&str, Of<Round>, Of<Round>, &str); 3] = [
        ("(team token create − hello) ÷ its calls", |round| round.create, |round| round.create_calls, CREATE_CALLS),
        ("(team token read − hello) ÷ its calls", |round| round.read, |round| round.read_calls, READ_CALLS),
        ("(list of 100 team tokens − hello) ÷ its calls", |round| round.list, |round| round.list_calls, LIST_CALLS),
    ];
    let mut rows = Vec::new();
    for (measure, route, calls, note) in routes {
        let [p50, p99] = ratios("a3", measure, rounds, [route, hello, calls]);
        rows.extend([p50.how(HOW).note(note), p99.how(HOW)]);
    }
    let absolute: [(&str, Of<Round>); 7] = [
        ("hello", hello),
        ("team token create", |round| round.create),
        ("team token read", |round| round.read),
        ("list of 100 team tokens", |round| round.list),
        ("calls of a create by the SDK", |round| round.create_calls),
        ("calls of a read by the SDK", |round| round.read_calls),
        ("calls of a list by the SDK", |round| round.list_calls),
    ];
    rows.extend(absolute.into_iter().flat_map(|(measure, of)| absolutes("a3", measure, rounds, of)));
    rows
}
