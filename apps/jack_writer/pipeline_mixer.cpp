// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "pipeline_mixer.hpp"

#include <avrig/error.hpp>

#include <algorithm>
#include <utility>

namespace avrig::jack_writer {
namespace {

using nlohmann::json;

constexpr const char* kListening = "mixer-socket";
constexpr const char* kListeningTcp = "mixer-tcp";

mixer::EngineConfig config_of(const PipelineMixer::Shape& shape) {
  mixer::EngineConfig config;
  config.outputs = std::max(shape.outputs, shape.channels);
  config.sample_rate_hz = shape.rate_hz;
  config.buses = mixer::kMaxBuses;
  return config;
}

}  // namespace

PipelineMixer::PipelineMixer(const Shape& shape,
                             MixerTerms terms,
                             Complain complain,
                             dipstream::Keeper* keeper)
    : terms_(std::move(terms)),
      complain_(std::move(complain)),
      host_(config_of(shape), shape.channels, false),
      desk_(host_, shape.rate_hz, keeper),
      bus_(shape.bus),
      keeper_(keeper) {
  client_ = desk_.join_as_host([this](const std::string& line, int) {
    const json reply = json::parse(line, nullptr, false);
    if (reply.is_object() && reply.contains("error")) {
      refused_ += (refused_.empty() ? "" : "; ") + reply["error"].get<std::string>();
    }
  });
  if (desk_.restored()) {
    return;
  }
  host_.settle();
  for (const json& request : terms_.buses) {
    insist(request);
  }
  for (const json& request : terms_.sources) {
    insist(request);
  }
}

void PipelineMixer::with(const std::function<void(dipstream::Desk&)>& act) {
  if (server_) {
    server_->with(act);
  } else {
    act(desk_);
  }
}

// Nothing renders yet: the answer is there at once.
void PipelineMixer::insist(json request) {
  std::vector<UniqueFd> none;
  desk_.ask(client_, request, none);
  host_.settle();
  desk_.turn();
  if (!refused_.empty()) {
    throw Error(ErrorCode::Spec,
                (request.contains("name") ? "'" + request["name"].get<std::string>() + "': " : "") +
                    refused_);
  }
}

void PipelineMixer::ask(dipstream::Desk& desk, const json& request) {
  std::vector<UniqueFd> none;
  try {
    desk.ask(client_, request, none);
  } catch (const Error& error) {
    refused_ += (refused_.empty() ? "" : "; ") + std::string(error.what());
  }
}

// Path and port are the same for a successor, and so are the sockets: who connects in between
// waits.
void PipelineMixer::open(const std::string& path, std::optional<std::uint16_t> tcp) {
  if (keeper_ == nullptr) {
    server_ = std::make_unique<dipstream::DeskServer>(desk_, path, tcp);
    return;
  }
  const auto take = [&](const char* name) {
    const auto found = keeper_->kept().find(name);
    return found == keeper_->kept().end() ? UniqueFd() : std::move(found->second);
  };
  server_ = std::make_unique<dipstream::DeskServer>(
      desk_, path, tcp, dipstream::DeskServer::Sockets{take(kListening), take(kListeningTcp)});
  const bool kept = keeper_->keep(kListening, server_->listening()) &&
                    (!tcp || keeper_->keep(kListeningTcp, server_->listening_tcp()));
  if (!kept) {
    complain_("nobody keeps the mixer's sockets");
  }
}

void PipelineMixer::begin() {
  host_.start_live(desk_.layout().number(bus_));
  desk_.note_ready();
}

void PipelineMixer::go_on(std::int64_t anchor, std::int64_t reached) {
  // Killed before its stream began, it had come less far than the anchor.
  const std::int64_t zero = std::min(anchor, reached);
  send_cues(anchor - zero);
  host_.go_on(zero, reached);
  desk_.turn();
  begin();
}

void PipelineMixer::send_cues(std::int64_t sample) {
  with([&](dipstream::Desk& desk) {
    desk.set_origin(sample);
    int number = 0;
    for (json request : terms_.cues) {
      request["id"] = "cue " + std::to_string(++number);
      request["again"] = true;
      ask(desk, request);
    }
  });
}

void PipelineMixer::turn(std::int64_t latency) {
  std::string refused;
  bool ended = false;
  const auto act = [&](dipstream::Desk& desk) {
    desk.set_latency(latency);
    ended = keeper_ != nullptr && !desk.survives() && !std::exchange(told_end_, true);
    desk.set_bias(static_cast<double>(bias_ns_) * 1e-9);
    if (gain_due_) {
      show_gain(desk);
    }
    if (!server_) {
      desk.turn();
    }
    refused.swap(refused_);
  };
  if (!server_) {
    act(desk_);
  } else if (!server_->try_with(act)) {
    return;
  }
  if (ended) {
    complain_(
        "the log of what experiments asked for has become too long to be kept: should this writer "
        "die, its successor begins anew");
  }
  if (!refused.empty()) {
    complain_("the mixer refused: " + refused);
  }
}

void PipelineMixer::set_gain(double db) {
  gain_db_ = db;
  gain_due_ = true;
}

void PipelineMixer::set_mute(bool mute) {
  mute_ = mute;
  gain_due_ = true;
}

void PipelineMixer::show_gain(dipstream::Desk& desk) {
  gain_due_ = false;
  ask(desk, {{"do", "set"}, {"voice", "pipeline"}, {"gain_db", mute_ ? -80.0 : gain_db_}});
}

float PipelineMixer::peak() const noexcept {
  float peak = 0;
  for (std::uint32_t output = 0; output < host_.engine().config().outputs; ++output) {
    peak = std::max(peak, host_.engine().meter(output).peak);
  }
  return peak;
}

}  // namespace avrig::jack_writer
