// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "desk_memory.hpp"
#include "desk_reply.hpp"
#include "fields.hpp"
#include <avrig/error.hpp>
#include <avrig/mixer/commands.hpp>
#include <avrig/monotonic.hpp>

#include <algorithm>
#include <cmath>

// Requests about buses and outputs, and questions.

namespace avrig::dipstream {
namespace {

using mixer::Command;
using nlohmann::json;

constexpr std::size_t kQueuesOfOne = 4;

const char* word_of(mixer::VoiceState state) {
  static constexpr std::array kWords{"none", "idle", "pending", "playing", "paused"};
  return kWords[std::min<std::size_t>(static_cast<std::size_t>(state), kWords.size() - 1)];
}

}  // namespace

void Desk::bus(ClientId client, Fields& fields, const json& id, std::vector<UniqueFd>&) {
  const std::string name = fields.text("name");
  const auto ramp = static_cast<std::uint32_t>(fields.whole("ramp", 64, 0, 1 << 24));
  const bool make = fields.flag("add");
  const auto gain_db = fields.number("gain_db");
  const bool mute = fields.flag("mute");
  const bool solo = fields.flag("solo");
  const std::string parent = fields.text("send_to");
  const bool has_mute = fields.has("mute");
  const bool has_solo = fields.has("solo");
  fields.finish();
  mixer::BusLayout changed = layout_;
  std::vector<Commands> groups;
  if (make) {
    groups.push_back({changed.add(name, gain_db.value_or(0), parent.empty() ? "Master" : parent)});
  } else {
    (void)changed.number(name);
    if (gain_db) {
      groups.push_back({changed.set_gain(name, *gain_db, ramp)});
    }
    if (!parent.empty()) {
      groups.push_back({changed.set_send_to(name, parent)});
    }
  }
  if (has_mute) {
    groups.push_back({changed.set_mute(name, mute, ramp)});
  }
  if (has_solo) {
    groups.push_back({changed.set_solo(name, solo, ramp)});
  }
  if (groups.empty()) {
    throw Error(ErrorCode::Spec, "nothing to change: give gain_db, mute, solo, send_to or add");
  }
  const json more = {{"bus", name}, {"effective_db", changed.effective_db(name)}};
  send(client, id, std::move(groups), more, false);
  layout_ = std::move(changed);
  note_buses();
}

void Desk::buses(ClientId client, Fields& fields, const json& id, std::vector<UniqueFd>&) {
  fields.finish();
  json list = json::array();
  for (const mixer::BusInfo& one : layout_.buses()) {
    list.push_back({{"name", one.name},
                    {"gain_db", one.gain_db},
                    {"mute", one.mute},
                    {"solo", one.solo},
                    {"send_to", one.send_to},
                    {"effective_db", layout_.effective_db(one.name)},
                    {"peak", host_->engine().bus_peak(layout_.number(one.name))}});
  }
  reply(client, id, {{"buses", list}});
}

void Desk::clip(ClientId client, Fields& fields, const json& id, std::vector<UniqueFd>&) {
  const std::int64_t channel = fields.whole("channel", 0, 0, host_->engine().config().outputs);
  const bool clear = fields.flag("clear_fault");
  const std::size_t policy = fields.choice("policy", {"pass", "clamp", "limit", "fault"});
  fields.finish();
  const Command command =
      clear ? mixer::command(mixer::CommandKind::ClearFault)
            : mixer::set_clip(channel == 0 ? 255U : static_cast<unsigned>(channel - 1),
                              static_cast<mixer::ClipPolicy>(policy));
  send(client, id, {{command}}, json::object(), false);
}

void Desk::now(ClientId client, Fields& fields, const json& id, std::vector<UniqueFd>&) {
  fields.finish();
  OutputClock clock;
  if (!host_->clock(clock)) {
    throw Error(ErrorCode::Open, "the device has not begun to run");
  }
  const std::int64_t mono_ns = monotonic_ns();
  const double sample = sample_at(mono_ns);
  reply(client,
        id,
        {{"now", sample / rate_hz_},
         {"sample", static_cast<std::int64_t>(sample)},
         {"rendered", host_->engine().position()},
         {"mono_ns", mono_ns},
         {"ns_per_sample", clock.ns_per_sample},
         {"sigma_ns", clock.sigma_ns},
         {"epoch", clock.epoch},
         {"latency", heard_s(0)}});
}

void Desk::info(ClientId client, Fields& fields, const json& id, std::vector<UniqueFd>&) {
  fields.finish();
  OutputClock clock;
  const bool runs = host_->clock(clock);
  reply(client,
        id,
        {{"samplerate", rate_hz_},
         {"channels", host_->engine().config().outputs},
         {"current_blocksize", runs ? clock.block : 0},
         {"latency", heard_s(0)},
         {"latency_samples", delay()},
         {"bias", bias_ / rate_hz_},
         {"pipeline_channels", host_->live_channels()},
         {"voices", voices_.size()},
         {"failed", host_->engine().failed()},
         {"events_lost", host_->engine().events_lost()},
         {"epoch", clock.epoch},
         {"runs", runs && device_runs_},
         {"protocol", 1}});
}

json Desk::status_of(mixer::VoiceId number) const {
  const mixer::VoiceStatus status = host_->engine().status(number);
  json what = {{"voice", number},
               {"name", name_of(number)},
               {"state", word_of(status.state)},
               {"is_playing", status.state == mixer::VoiceState::Playing},
               {"is_looping", status.state == mixer::VoiceState::Playing && status.is_looping()},
               {"start_time", nullptr},
               {"end_time", nullptr},
               {"playback_duration", nullptr}};
  const std::int64_t rendered = host_->engine().position();
  what["position"] = status.position_at(rendered);
  // What is heard now was rendered a latency ago.
  const double step = static_cast<double>(status.step) / 4294967296.0;
  const double behind =
      static_cast<double>(rendered) - (now_sample() - static_cast<double>(delay()) - bias_);
  const bool moves = status.state == mixer::VoiceState::Playing;
  const double heard =
      static_cast<double>(status.position_at(rendered)) - (moves ? behind * step : 0.0);
  what["audible"] = static_cast<std::int64_t>(std::max(0.0, heard));
  what["seconds"] = std::max(0.0, heard) / rate_hz_;
  const auto found = voices_.find(number);
  if (found == voices_.end()) {
    return what;
  }
  const Voice& voice = found->second;
  what["length"] = voice.length;
  what["bus"] = voice.bus;
  what["data_duration"] = static_cast<double>(voice.length) / rate_hz_;
  if (voice.start != mixer::kUnknownSample) {
    what["start_time"] = heard_s(voice.start);
    what["start_sample"] = voice.start;
  }
  if (voice.end != mixer::kUnknownSample) {
    what["end_time"] = heard_s(voice.end);
    what["end_sample"] = voice.end;
  }
  if (voice.start != mixer::kUnknownSample && voice.end != mixer::kUnknownSample) {
    what["playback_duration"] = static_cast<double>(voice.end - voice.start) / rate_hz_;
  }
  if (voice.feeder) {
    what["level"] = voice.feeder->level();
    what["space"] = voice.feeder->space();
    what["arrived"] = voice.feeder->arrived();
    what["underrun"] = status.underrun;
  }
  return what;
}

void Desk::voice(ClientId client, Fields& fields, const json& id, std::vector<UniqueFd>&) {
  const mixer::VoiceId number = voice_of(fields);
  fields.finish();
  reply(client, id, status_of(number));
}

void Desk::list(ClientId client, Fields& fields, const json& id, std::vector<UniqueFd>&) {
  fields.finish();
  json all = json::array();
  if (host_->live_channels() > 0) {
    all.push_back(status_of(MixerHost::kLiveVoice));
  }
  for (const auto& [number, voice] : voices_) {
    all.push_back(status_of(number));
  }
  reply(client, id, {{"voices", all}});
}

void Desk::meters(ClientId client, Fields& fields, const json& id, std::vector<UniqueFd>&) {
  const bool reset = fields.flag("reset");
  fields.finish();
  json outputs = json::array();
  for (std::uint32_t output = 0; output < host_->engine().config().outputs; ++output) {
    const mixer::OutputMeter meter = host_->engine().meter(output);
    outputs.push_back({{"channel", output + 1}, {"peak", meter.peak}, {"clipped", meter.clipped}});
    if (meter.first_clip != mixer::kUnknownSample) {
      outputs.back()["first_clip"] = meter.first_clip;
    }
  }
  if (reset) {
    host_->engine().reset_meters();
  }
  reply(client, id, {{"outputs", outputs}});
}

void Desk::subscribe(ClientId client, Fields& fields, const json& id, std::vector<UniqueFd>&) {
  const std::size_t which = fields.choice("events", {"mine", "all", "none"});
  fields.finish();
  const auto found = clients_.find(client);
  if (found != clients_.end()) {
    if (memory_) {
      const int chosen = static_cast<int>(which == 0   ? Subscription::Mine
                                          : which == 1 ? Subscription::All
                                                       : Subscription::None);
      memory_->note(Memory::kSubscribed, {{"client", client}, {"events", chosen}});
    }
    found->second.events = which == 0   ? Subscription::Mine
                           : which == 1 ? Subscription::All
                                        : Subscription::None;
  }
  reply(client, id, json::object());
}

// A command queue in shared memory, for an experiment that is as exact as one inside.
void Desk::queue(ClientId client, Fields& fields, const json& id, std::vector<UniqueFd>&) {
  fields.finish();
  const auto found = clients_.find(client);
  if (found == clients_.end()) {
    return;
  }
  if (found->second.queues.size() >= kQueuesOfOne) {
    throw Error(ErrorCode::Spec, "you have four command queues already");
  }
  const shm::Segment segment = shm::CommandQueue::create(
      "avrig-dipstream-queue", sizeof(Command), MixerHost::kQueueCapacity);
  const std::uint16_t number = host_->attach(segment);
  if (number == 0) {
    throw Error(ErrorCode::Open, "all command queues are taken");
  }
  found->second.queues.push_back(number);
  if (memory_ && memory_->keeper->keep("queue-" + std::to_string(number), segment.fd())) {
    memory_->note(Memory::kQueue, {{"client", client}, {"queue", number}});
  }
  reply(client,
        id,
        {{"queue", number},
         {"record_bytes", sizeof(Command)},
         {"capacity", MixerHost::kQueueCapacity}},
        segment.fd());
}

}  // namespace avrig::dipstream
