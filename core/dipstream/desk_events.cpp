// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "desk_memory.hpp"
#include "desk_reply.hpp"
#include <avrig/mixer/commands.hpp>

#include <cmath>
#include <utility>

// What the engine reports, on its way to those who want to know.

namespace avrig::dipstream {
namespace {

constexpr std::size_t kRememberedEvents = 4096;  // of one session

using mixer::Event;
using mixer::EventKind;
using mixer::Reason;
using nlohmann::json;

// A device tells of an xrun up to so many periods after it.
constexpr std::int64_t kToldLateBlocks = 2;
constexpr std::size_t kStretches = 256;

const char* word_of(EventKind kind) {
  switch (kind) {
    case EventKind::Started:
      return "started";
    case EventKind::Ended:
      return "ended";
    case EventKind::Paused:
      return "paused";
    case EventKind::Resumed:
      return "resumed";
    case EventKind::Looped:
      return "looped";
    case EventKind::Gap:
      return "gap";
    case EventKind::Underrun:
      return "underrun";
    case EventKind::Cancelled:
      return "cancelled";
    case EventKind::Dropped:
      return "dropped";
    case EventKind::NoOp:
      return "no_op";
    case EventKind::Applied:
      return "applied";
    case EventKind::Removed:
      return "removed";
    case EventKind::MayClip:
      return "may_clip";
    case EventKind::Clipped:
      return "clipped";
    case EventKind::Fault:
      return "fault";
    case EventKind::EpochOpened:
      return "epoch";
    default:
      return nullptr;
  }
}

}  // namespace

std::string explain(Reason reason) {
  switch (reason) {
    case Reason::UnknownVoice:
      return "there is no such voice (any more)";
    case Reason::VoiceExists:
      return "the voice exists already";
    case Reason::BadIndex:
      return "the index lies outside the data";
    case Reason::BadLoop:
      return "the loop region must begin before it ends, inside the data";
    case Reason::BadValue:
      return "a value is not finite, or out of range";
    case Reason::BadTime:
      return "that time lies out of range";
    case Reason::BadOutput:
      return "there is no such channel, or it is named twice";
    case Reason::BadChannels:
      return "as many channels as the data has, or mono data";
    case Reason::Self:
      return "a voice cannot be scheduled against itself";
    case Reason::Cycle:
      return "these voices would wait for each other";
    case Reason::Playing:
      return "it is playing: stop it first, or use 'force'";
    case Reason::NotPlaying:
      return "it is not playing";
    case Reason::Full:
      return "too much is pending at once";
    case Reason::Unknown:
      return "nothing such is pending";
    case Reason::BatchMember:
      return "another command of the batch was refused";
    case Reason::NoLimiter:
      return "the limiter needs a look-ahead from the start ('limiter')";
    case Reason::AnchorGone:
      return "what it waited for will never happen";
    default:
      return mixer::to_string(reason);
  }
}

void Desk::turn() {
  if (memory_) {
    if (!memory_->ended) {
      memory_->timeline.supply();
    }
    if (!memory_->ended &&
        memory_->timeline.bytes() + memory_->journal.bytes() > Memory::kMostBytes) {
      host_->stop_recording();
      memory_->give_up();
    }
    let_go_of_the_lost();
  }
  while (!later_.empty() && host_->send(std::array{later_.front()})) {
    later_.pop_front();
  }
  drop_what_was_mixed();
  // Before the events: all that were told until then are among them.
  const bool due = memory_ && memory_->is_due();
  const std::int64_t reached = due ? memory_->timeline.progress().sample : 0;
  // The clock before the events: whatever broke before its cycle is among them.
  OutputClock clock;
  const bool runs = host_->clock(clock);
  const OutputClock before = std::exchange(newest_, runs ? clock : newest_);
  Event event;
  while (host_->engine().next_event(event)) {
    if (event.kind == EventKind::EpochOpened) {
      end_stretch(newest_.epoch < event.epoch ? newest_ : before, event.sample);
    }
    on_event(event);
  }
  if (!runs) {
    return;
  }
  // That a later cycle came as it should is what shows that the output has not stood still.
  std::int64_t heard = clock.sample - in_doubt(clock);
  if (clock.freewheel) {
    heard = clock.sample;
    ledger_.doubt(INT64_MIN, heard);
  }
  const std::vector<Event> all = ledger_.heard(heard);
  if (memory_ && !all.empty()) {
    memory_->note(Memory::kHeard, {{"sample", heard}, {"freewheel", clock.freewheel}});
  }
  for (const Event& certain : all) {
    publish(certain);
  }
  if (due) {
    condense(reached);
  }
}

void Desk::set_device(bool runs) {
  if (std::exchange(device_runs_, runs) == runs) {
    return;
  }
  if (memory_ && !restoring_) {
    memory_->note(Memory::kDevice, {{"runs", runs}});
  }
  for (auto& [id, client] : clients_) {
    if (client.events != Subscription::None) {
      tell(client, {{"event", "device"}, {"state", runs ? "back" : "lost"}});
    }
  }
}

std::int64_t Desk::in_doubt(const OutputClock& clock) const noexcept {
  return delay() + static_cast<std::int64_t>(std::ceil(bias_)) +
         kToldLateBlocks * static_cast<std::int64_t>(clock.block);
}

// An epoch opened at `end`: what was on its way to the output then may not have been heard.
void Desk::end_stretch(const OutputClock& last, std::int64_t end) {
  if (last.cycles == 0) {
    return;
  }
  if (memory_ && !restoring_) {
    memory_->note(last, end);
  }
  ledger_.doubt(last.freewheel ? INT64_MIN : end - in_doubt(last), end + 1);
  stretches_.push_back({last, end});
  if (stretches_.size() > kStretches) {
    stretches_.pop_front();
  }
}

void Desk::on_event(const Event& event) {
  if (memory_) {
    memory_->note(event);
  }
  deal_with(event);
}

void Desk::deal_with(const Event& event) {
  if (event.kind == EventKind::Accepted || event.kind == EventKind::Refused) {
    answer(event);
    return;
  }
  note(event);
  publish(event);
  ledger_.predicted(event);
  if (event.kind == EventKind::Removed) {
    give_back(event.voice, event.sample);
  }
}

void Desk::note(const Event& event) {
  const auto found = voices_.find(event.voice);
  if (found == voices_.end()) {
    return;
  }
  if (event.kind == EventKind::Started) {
    found->second.start = event.sample;
    found->second.end = mixer::kUnknownSample;
  } else if (event.kind == EventKind::Ended) {
    found->second.end = event.sample;
  }
}

// The engine's answer to a command; the request is answered when all of its commands are.
void Desk::answer(const Event& event) {
  const auto found = pending_.find(event.request);
  if (found == pending_.end() || event.client != 0) {
    if (event.client != 0) {
      publish(event);
    }
    return;
  }
  const Pending pending = found->second;
  pending_.erase(found);
  Reply& whole = *pending.reply;
  json& result = whole.results[pending.index];
  if (event.kind == EventKind::Refused) {
    if (whole.error.empty() || event.reason != Reason::BatchMember) {
      whole.error = explain(event.reason);
    }
    result["error"] = explain(event.reason);
    result["reason"] = mixer::to_string(event.reason);
    if (pending.kind == mixer::CommandKind::AddVoice) {
      give_back(pending.voice);
    }
  } else {
    if (pending.voice != 0) {
      result["voice"] = pending.voice;
    }
    if (event.sample != mixer::kUnknownSample) {
      put_times(result, event.sample);
    }
    if (event.late > 0) {
      result["late"] = event.late;
    }
    if (event.play != 0) {
      result["play"] = event.play;
    }
  }
  if (--whole.remaining > 0) {
    return;
  }
  json what = whole.results.size() == 1 && !whole.batch ? whole.results[0] : json::object();
  if (whole.batch) {
    what["results"] = whole.results;
  }
  what.update(whole.more);
  if (!whole.error.empty()) {
    what["error"] = whole.error;
  }
  const auto client = clients_.find(whole.client);
  if (memory_ && client != clients_.end() && client->second.asked.count(whole.id.dump()) != 0) {
    json kept = what;
    kept["id"] = whole.id;
    kept["ok"] = !what.contains("error");
    client->second.answers[whole.id.dump()] =
        kept.dump(-1, ' ', false, json::error_handler_t::replace);
  }
  reply(whole.client, whole.id, what, whole.error.empty() ? whole.fd.get() : -1);
}

void Desk::publish(const Event& event) {
  const char* word = event.kind == EventKind::Refused    ? "refused"
                     : event.kind == EventKind::Accepted ? "accepted"
                                                         : word_of(event.kind);
  if (word == nullptr) {
    return;
  }
  json what;
  const auto origin = event.client == 0 ? origins_.find(event.request) : origins_.end();
  const auto voice = voices_.find(event.voice);
  for (auto& [id, client] : clients_) {
    const bool asked = origin != origins_.end() && origin->second.client == id;
    const bool queued =
        event.client != 0 &&
        std::find(client.queues.begin(), client.queues.end(), event.client) != client.queues.end();
    const bool owned = voice != voices_.end() && voice->second.owner == id;
    const bool wanted =
        client.events == Subscription::All ||
        (client.events == Subscription::Mine && (asked || queued || owned || event.voice == 0));
    if (!wanted) {
      continue;
    }
    what = {{"event", word}, {"epoch", event.epoch}};
    if (event.voice != 0) {
      what["voice"] = event.voice;
      what["play"] = event.play;
    }
    if (const std::string name = name_of(event.voice); !name.empty()) {
      what["name"] = name;
    }
    if (asked) {
      what["request"] = json::parse(origin->second.id, nullptr, false);
    } else if (queued) {
      what["request"] = event.request;
      what["queue"] = event.client;
    }
    if (event.sample != mixer::kUnknownSample) {
      put_times(what, event.sample);
    }
    if (event.requested != mixer::kUnknownSample) {
      what["requested"] = event.requested;
      what["error"] = event.sample - event.requested;
    }
    what["late"] = event.late;
    what["value"] = event.value;
    if (event.kind == EventKind::Gap) {
      what["samples"] = event.value;
      what["from"] = event.sample;
      what["to"] = event.sample + event.value;
    }
    if (event.level > 0) {
      what["level"] = event.level;
    }
    if (event.reason != Reason::None) {
      what["reason"] = mixer::to_string(event.reason);
      what["text"] = explain(event.reason);
    }
    if ((event.flags & mixer::kEventNatural) != 0) {
      what["natural"] = true;
    }
    what["state"] = (event.flags & mixer::kEventSuspect) != 0     ? "suspect"
                    : (event.flags & mixer::kEventConfirmed) != 0 ? "confirmed"
                                                                  : "predicted";
    tell(client, std::move(what));
  }
}

// Numbered, and kept for who comes back.
void Desk::tell(Client& client, json what) {
  if (!client.token.empty()) {
    what["seq"] = ++client.told;
  }
  const std::string line = what.dump(-1, ' ', false, json::error_handler_t::replace);
  if (client.send) {
    client.send(line, -1);
  }
  if (!client.token.empty()) {
    client.last_events.push_back(line);
    if (client.last_events.size() > kRememberedEvents) {
      client.last_events.pop_front();
    }
  }
}

}  // namespace avrig::dipstream
