//! The changes in the tables' streams that ask for work of the worker. They are parsed here because this module's siblings
//! write the items.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::keys;
use crate::domain::{DeadLetterId, Millis, Namespace, TaskId, UserId};

/// A batch of changes.
///
/// Shape: the event of a DynamoDB stream, `{"Records": [{"eventName", "dynamodb": {"Keys", "OldImage"?, "NewImage"?,
/// "SequenceNumber"}}]}`, with images in DynamoDB JSON.
#[derive(Debug, Deserialize)]
pub struct StreamEvent {
    /// In the order of the changes.
    #[serde(rename = "Records")]
    pub records: Vec<StreamRecord>,
}

#[derive(Debug, Deserialize)]
pub struct StreamRecord {
    dynamodb: Images,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Images {
    #[serde(default)]
    keys: Value,
    #[serde(default)]
    old_image: Value,
    #[serde(default)]
    new_image: Value,
    #[serde(default)]
    sequence_number: String,
}

/// The work that a change asks for.
///
/// Shape, as stored in dead letters: `{"committed": …}`, `{"released": […]}` and so on.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamChange {
    /// The head of this installation names commits to fold.
    Committed(Namespace),
    /// Objects to which a record no longer refers.
    Released(Vec<String>),
    /// A blob intent has expired.
    IntentExpired {
        /// The name of the object.
        blob: String,
        /// The record's partition key.
        record_pk: String,
        /// The record's sort key.
        record_sk: Vec<u8>,
    },
    /// A task should be leased.
    Woken(TaskId),
    /// A membership should be checked.
    MembershipDue(UserId, Namespace),
    /// A dead letter should be replayed. Carries the time of the request.
    #[serde(skip)]
    Replayed(DeadLetterId, Millis),
    /// No work.
    #[serde(skip)]
    Nothing,
}

impl StreamChange {
    /// The word for this change in the id of a dead letter. `None` if the change cannot become one.
    pub const fn name(&self) -> Option<&'static str> {
        match self {
            Self::Committed(_) => Some("fold"),
            Self::Released(_) => Some("release"),
            Self::IntentExpired { .. } => Some("intent"),
            Self::Woken(_) => Some("task"),
            Self::MembershipDue(..) => Some("membership"),
            Self::Replayed(..) | Self::Nothing => None,
        }
    }
}

impl StreamRecord {
    /// The position in the stream.
    pub fn sequence_number(&self) -> &str {
        &self.dynamodb.sequence_number
    }

    /// The work that this record asks for.
    pub fn change(&self) -> StreamChange {
        let Images { keys, old_image, new_image, .. } = &self.dynamodb;
        let entity = text(new_image, "entity").or_else(|| text(old_image, "entity"));
        match entity {
            Some("commit-head") => match text(keys, "pk").and_then(keys::parse_head) {
                Some(namespace) if has_commits(new_image) => StreamChange::Committed(namespace),
                _ => StreamChange::Nothing,
            },
            Some("kv-record") => released(old_image, new_image),
            Some("task") if new_image.get("wake").is_some() => {
                text(keys, "pk").and_then(keys::parse_task).map_or(StreamChange::Nothing, StreamChange::Woken)
            }
            Some("membership-check") if new_image.get("wake").is_some() => text(keys, "sk")
                .and_then(keys::parse_membership_check)
                .map_or(StreamChange::Nothing, |(user, namespace)| StreamChange::MembershipDue(user, namespace)),
            Some("dead-letter") => replay(keys, old_image, new_image).unwrap_or(StreamChange::Nothing),
            Some("blob-intent") if new_image.is_null() => expired(old_image).unwrap_or(StreamChange::Nothing),
            _ => StreamChange::Nothing,
        }
    }
}

fn text<'a>(image: &'a Value, name: &str) -> Option<&'a str> {
    image.get(name)?.get("S")?.as_str()
}

fn has_commits(image: &Value) -> bool {
    image.pointer("/commits/M").and_then(Value::as_object).is_some_and(|commits| !commits.is_empty())
}

/// A replay was requested if its time has changed; a dead letter changes for other reasons too.
fn replay(keys: &Value, old: &Value, new: &Value) -> Option<StreamChange> {
    let asked = |image: &Value| image.pointer("/replay_requested_at/N")?.as_str()?.parse().ok().map(Millis);
    let at = asked(new).filter(|at| asked(old) != Some(*at))?;
    Some(StreamChange::Replayed(DeadLetterId::parse(text(keys, "sk")?)?, at))
}

fn blobs(image: &Value) -> Vec<String> {
    let sides = ["/live/M/blob/S", "/draft/M/blob/S"];
    sides.iter().filter_map(|side| image.pointer(side)?.as_str()).map(str::to_owned).collect()
}

fn released(old: &Value, new: &Value) -> StreamChange {
    let held = blobs(new);
    let gone: Vec<String> = blobs(old).into_iter().filter(|name| !held.contains(name)).collect();
    if gone.is_empty() { StreamChange::Nothing } else { StreamChange::Released(gone) }
}

fn expired(old: &Value) -> Option<StreamChange> {
    let record_sk = STANDARD.decode(old.pointer("/record_sk/B")?.as_str()?).ok()?;
    Some(StreamChange::IntentExpired {
        blob: text(old, "blob")?.to_owned(),
        record_pk: text(old, "record_pk")?.to_owned(),
        record_sk,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::{InstallationId, Vcs};

    fn change(dynamodb: Value) -> StreamChange {
        let record =
            Value::Object([("eventName".into(), json!("MODIFY")), ("dynamodb".into(), dynamodb)].into_iter().collect());
        serde_json::from_value::<StreamRecord>(record).unwrap().change()
    }

    #[test]
    fn only_a_head_with_commits_requests_folding() {
        let head = |commits: Value| json!({"Keys": {"pk": {"S": "github#7#head"}}, "NewImage": {"entity": {"S": "commit-head"}, "commits": {"M": commits}}});
        let namespace = Namespace { vcs: Vcs::Github, installation: InstallationId::new(7) };
        assert_eq!(change(head(json!({"c": {"N": "1"}}))), StreamChange::Committed(namespace));
        assert_eq!(change(head(json!({}))), StreamChange::Nothing);
    }

    #[test]
    fn task_requests_a_worker_while_it_carries_wake() {
        let id = "0190a5d0-ac96-774b-bcce-b302099a8057";
        let task = |wish: Value| json!({"Keys": {"pk": {"S": format!("task#{id}")}}, "NewImage": {"entity": {"S": "task"}, "wake": wish}});
        assert_eq!(change(task(json!({"N": "1"}))), StreamChange::Woken(TaskId::parse(id).unwrap()));
        let taken = json!({"Keys": {"pk": {"S": format!("task#{id}")}}, "NewImage": {"entity": {"S": "task"}}});
        assert_eq!(change(taken), StreamChange::Nothing);
    }

    #[test]
    fn membership_check_requests_a_worker_while_it_carries_wake() {
        let user = "0190a5d0-ac96-474b-bcce-b302099a8057";
        let check = |image: Value| json!({"Keys": {"pk": {"S": "membership-checks#7"}, "sk": {"S": format!("{user}#github#7")}}, "NewImage": image});
        let namespace = Namespace { vcs: Vcs::Github, installation: InstallationId::new(7) };
        let asked = change(check(json!({"entity": {"S": "membership-check"}, "wake": {"N": "1"}})));
        assert_eq!(asked, StreamChange::MembershipDue(UserId::parse(user).unwrap(), namespace));
        let kept = serde_json::to_string(&asked).unwrap();
        assert_eq!(serde_json::from_str::<StreamChange>(&kept).unwrap(), asked, "as a dead letter keeps it");
        assert_eq!(change(check(json!({"entity": {"S": "membership-check"}}))), StreamChange::Nothing, "taken");
        assert_eq!(change(check(Value::Null)), StreamChange::Nothing, "ended");
    }

    #[test]
    fn folding_a_draft_releases_only_the_replaced_object() {
        let side = |name: &str| json!({"M": {"blob": {"S": name}}});
        let folded = json!({"OldImage": {"entity": {"S": "kv-record"}, "live": side("a"), "draft": side("b")}, "NewImage": {"entity": {"S": "kv-record"}, "live": side("b")}});
        assert_eq!(change(folded), StreamChange::Released(vec!["a".into()]));
        let removed = json!({"OldImage": {"entity": {"S": "kv-record"}, "live": side("a")}});
        assert_eq!(change(removed), StreamChange::Released(vec!["a".into()]));
    }

    #[test]
    fn intent_is_handled_when_it_is_removed() {
        let intent = json!({"entity": {"S": "blob-intent"}, "blob": {"S": "x"}, "record_pk": {"S": "github#7"}, "record_sk": {"B": "awAAAAAA"}});
        assert_eq!(change(json!({"NewImage": intent})), StreamChange::Nothing);
        let expired = StreamChange::IntentExpired {
            blob: "x".into(),
            record_pk: "github#7".into(),
            record_sk: b"k\0\0\0\0\0".to_vec(),
        };
        assert_eq!(change(json!({"OldImage": intent})), expired);
    }
}
