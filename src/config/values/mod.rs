//! Settings that are written as one value: what each looks like, and how its text is read.

mod alert;
mod amount;
mod choice;
mod network;
mod text;

pub(super) use alert::{Factor, FormatName, KindName, Off, WebhookUrl};
pub(super) use amount::{Amount, Code, InUsd, Percent, Price, Span};
pub(super) use choice::{
    ActionWord, ApiName, Each, Flag, Hold, OnFault, OnUnknown, PerName, TunnelPolicy, WhenSpent,
};
pub(super) use network::{Address, Host, ProxyUrl, Url};
pub(super) use text::{
    Folder, KeyPattern, Label, Name, Pattern, ProviderName, TimeZoneName, Token,
};
