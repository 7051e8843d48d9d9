//! DynamoDB's error answers, as a client receives them.

use serde_json::{Value, json};

use super::wire::Message;

/// An error answer of `DynamoDB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    ThroughputExceeded,
    Throttling,
    InternalServerError,
    TransactionCanceledByConflict,
    TransactionConflict,
    TransactionInProgress,
    ExpiredCredentials,
}

impl Refusal {
    pub const ALL: [Self; 7] = [
        Self::ThroughputExceeded,
        Self::Throttling,
        Self::InternalServerError,
        Self::TransactionCanceledByConflict,
        Self::TransactionConflict,
        Self::TransactionInProgress,
        Self::ExpiredCredentials,
    ];

    /// The error code in the response.
    pub fn code(self) -> &'static str {
        match self {
            Self::ThroughputExceeded => "ProvisionedThroughputExceededException",
            Self::Throttling => "ThrottlingException",
            Self::InternalServerError => "InternalServerError",
            Self::TransactionCanceledByConflict => "TransactionCanceledException",
            Self::TransactionConflict => "TransactionConflictException",
            Self::TransactionInProgress => "TransactionInProgressException",
            Self::ExpiredCredentials => "ExpiredTokenException",
        }
    }

    pub(super) fn answer(self, request: &Value) -> Message {
        let namespace = match self {
            Self::Throttling => "com.amazon.coral.availability",
            Self::ExpiredCredentials => "com.amazon.coral.service",
            _ => "com.amazonaws.dynamodb.v20120810",
        };
        let mut body = json!({ "__type": format!("{namespace}#{}", self.code()), "message": "injected" });
        if self == Self::TransactionCanceledByConflict {
            // One reason per item, as the service returns them. The first item is the one refused.
            let items = request["TransactItems"].as_array().map_or(1, Vec::len);
            let conflict = json!({ "Code": "TransactionConflict", "Message": "injected" });
            let reason = |at| {
                if at == 0 { conflict.clone() } else { json!({ "Code": "None" }) }
            };
            body["CancellationReasons"] = (0..items).map(reason).collect();
        }
        let status = if self == Self::InternalServerError { 500 } else { 400 };
        Message::answer(status, &body)
    }
}
