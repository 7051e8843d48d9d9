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

/// The ways in which a call to DynamoDB fails.
#[derive(Debug)]
pub enum Failure {
    /// The condition was false. Carries the current item, if there is one and the call asked for it.
    Condition(Option<Item>),
    /// Rejected without any effect: throttled, or in conflict with a transaction. Can be retried.
    Busy(Source),
    /// No answer, or an answer that leaves open whether the write took effect.
    Ambiguous(Source),
    /// The request can never succeed.
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

/// Errors of a service that is unavailable, or that leave the outcome open. Expired credentials are among them because
/// a new sandbox gets new ones.
const AMBIGUOUS: &[&str] = &[
    "InternalServerError",
    "InternalFailure",
    "ServiceUnavailable",
    "ExpiredTokenException",
    "UnrecognizedClientException",
];

impl Failure {
    /// Classifies the error of a call without conditions.
    pub fn of<E, R>(error: SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        match error.as_service_error().and_then(ProvideErrorMetadata::code) {
            Some(code) if BUSY.contains(&code) => Self::Busy(error.into()),
            Some(code) if !AMBIGUOUS.contains(&code) => Self::Fault(error.into()),
            _ if matches!(error, SdkError::ConstructionFailure(_)) => Self::Fault(error.into()),
            // No answer, an incomplete one, or one without an error code, which did not come from DynamoDB.
            _ => Self::Ambiguous(error.into()),
        }
    }

    pub fn of_update<R: std::fmt::Debug + Send + Sync + 'static>(error: SdkError<UpdateItemError, R>) -> Self {
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => Self::Condition(failed.item.clone()),
            _ => Self::of(error),
        }
    }

    pub fn of_put<R: std::fmt::Debug + Send + Sync + 'static>(error: SdkError<PutItemError, R>) -> Self {
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => Self::Condition(failed.item.clone()),
            _ => Self::of(error),
        }
    }

    pub fn of_delete<R: std::fmt::Debug + Send + Sync + 'static>(error: SdkError<DeleteItemError, R>) -> Self {
        match error.as_service_error() {
            Some(DeleteItemError::ConditionalCheckFailedException(failed)) => Self::Condition(failed.item.clone()),
            _ => Self::of(error),
        }
    }

    /// Classifies the error of a transaction. [`Failure::Condition`] carries no item here; a caller that needs it reads
    /// it.
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

/// Whether a conditional write took effect. `false` if its condition failed.
pub fn condition_held<T>(outcome: Result<T, Failure>) -> Result<bool, Error> {
    match outcome {
        Ok(_) => Ok(true),
        Err(Failure::Condition(_)) => Ok(false),
        Err(failure) => Err(failure.into()),
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Busy(source) | Failure::Ambiguous(source) => Self::unavailable(source),
            Failure::Fault(source) => Self::internal("calling DynamoDB", source),
            Failure::Condition(_) => Self::bug("a write without an expected condition failed its condition"),
        }
    }
}
