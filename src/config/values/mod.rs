//! Settings that are written as one value: what each looks like, and how its text is read.

mod amount;
mod choice;
mod network;
mod per;
mod rollover;
mod text;

pub(super) use amount::{Amount, Code, InUsd, Percent, Price, Span};
pub(super) use choice::{
    ActionWord, ApiName, Each, Flag, Hold, OnFault, OnUnknown, TunnelPolicy, WhenSpent,
};
pub(super) use network::{Address, Host, ProxyUrl, Url};
pub(super) use per::PerName;
pub(super) use rollover::Carry;
pub(super) use text::{
    Folder, KeyPattern, Label, Name, Pattern, ProviderName, TimeZoneName, Token,
};
