//! The only code that inspects SDK errors.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::CancellationReason;

use super::item::Item;
use crate::domain::Error;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// How a call to DynamoDB failed.
#[derive(Debug)]
pub enum Failure {
    /// The condition did not hold; the item as it was, when there was one.
    Condition(Option<Item>),
    /// Refused before anything happened: over the rate, or in conflict with a transaction. Worth repeating.
    Busy(Source),
    /// No answer, or one that leaves open whether the write took effect.
    Ambiguous(Source),
    /// A request that can never succeed.
    Fault(Source),
}

const BUSY: &[&str] = &[
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// Answers of a service that is away, or whose outcome is open. Expired credentials are renewed by a fresh sandbox.
const AWAY: &[&str] = &[
    "InternalServerError",
    "InternalFailure",
    "ServiceUnavailable",
    "ExpiredTokenException",
    "UnrecognizedClientException",
];

impl Failure {
    /// Sorts the error of a call without conditions.
    pub fn of<E, R>(error: SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        match error.as_service_error().and_then(ProvideErrorMetadata::code) {
            Some(code) if BUSY.contains(&code) => Self::Busy(error.into()),
            Some(code) if !AWAY.contains(&code) => Self::Fault(error.into()),
            _ if matches!(error, SdkError::ConstructionFailure(_)) => Self::Fault(error.into()),
            // No answer, a broken one, or one without a code, which did not come from DynamoDB's front end.
            _ => Self::Ambiguous(error.into()),
        }
    }

    /// Sorts the error of an update.
    pub fn of_update<R: std::fmt::Debug + Send + Sync + 'static>(error: SdkError<UpdateItemError, R>) -> Self {
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => Self::Condition(failed.item.clone()),
            _ => Self::of(error),
        }
    }

    /// Sorts the error of a put.
    pub fn of_put<R: std::fmt::Debug + Send + Sync + 'static>(error: SdkError<PutItemError, R>) -> Self {
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => Self::Condition(failed.item.clone()),
            _ => Self::of(error),
        }
    }

    /// Sorts the error of a removal.
    pub fn of_delete<R: std::fmt::Debug + Send + Sync + 'static>(error: SdkError<DeleteItemError, R>) -> Self {
        match error.as_service_error() {
            Some(DeleteItemError::ConditionalCheckFailedException(failed)) => Self::Condition(failed.item.clone()),
            _ => Self::of(error),
        }
    }

    /// Sorts the error of a transaction. Its condition carries no item: whoever cares reads again.
    pub fn of_transaction<R: std::fmt::Debug + Send + Sync + 'static>(
        error: SdkError<TransactWriteItemsError, R>,
    ) -> Self {
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
            return Self::of(error);
        };
        let codes: Vec<&str> = cancelled.cancellation_reasons().iter().filter_map(CancellationReason::code).collect();
        if codes.contains(&"ConditionalCheckFailed") {
            return Self::Condition(None);
        }
        if codes
            .iter()
            .any(|code| matches!(*code, "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded"))
        {
            return Self::Busy(error.into());
        }
        Self::Fault(error.into())
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Busy(source) | Failure::Ambiguous(source) => Self::unavailable(source),
            Failure::Fault(source) => Self::internal("calling DynamoDB", source),
            Failure::Condition(_) => Self::bug("a condition failed where none was expected to"),
        }
    }
}
