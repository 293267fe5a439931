//! Settings that are written as one value: what each looks like, and how its text is read.

mod alert;
mod amount;
mod choice;
mod network;
mod origin;
mod per;
mod resilience;
mod rollover;
mod text;

pub(super) use alert::{Factor, FormatName, KindName, Off, WebhookUrl};
pub(super) use amount::{Amount, Code, InUsd, Percent, Price, Span};
pub(super) use choice::{
    ActionWord, ApiName, Each, FailureWord, Flag, Hold, OnFault, OnUnknown, OrphanCharge,
    TunnelPolicy, WhenSpent,
};
pub(super) use network::{Address, Host, ProxyUrl, Url};
pub(super) use origin::{OwnAddress, Source, WayIn};
pub(super) use per::PerName;
pub(super) use resilience::{Attempts, Failures};
pub(super) use rollover::Carry;
pub(super) use text::{
    Folder, KeyPattern, Label, Name, Pattern, ProviderName, TimeZoneName, Token,
};
