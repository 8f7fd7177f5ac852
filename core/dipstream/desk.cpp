// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "desk_memory.hpp"
#include "desk_reply.hpp"
#include "fields.hpp"
#include <avrig/error.hpp>
#include <avrig/mixer/commands.hpp>
#include <avrig/mixer/spatial.hpp>
#include <avrig/monotonic.hpp>

#include <algorithm>
#include <fcntl.h>

namespace avrig::dipstream {
namespace {

using mixer::Command;
using nlohmann::json;

constexpr std::size_t kRememberedRequests = 65536;
constexpr std::size_t kRememberedIds = 4096;  // of one client
constexpr double kOwnerFadeSeconds = 0.005;

std::string line_of(const json& what) {
  return what.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

Desk::Desk(MixerHost& host, std::uint32_t rate_hz, Keeper* keeper)
    : host_(&host),
      rate_hz_(rate_hz),
      layout_(mixer::BusLayout::standard()),
      listener_(mixer::default_listener()),
      generations_(1, 1),
      voice_room_(host.engine().config().voices),
      sources_(1),  // number 0 is the live input's
      source_room_(host.engine().config().sources) {
  if (keeper != nullptr) {
    std::vector<std::string> found;
    for (const auto& [name, fd] : keeper->kept()) {
      if (Memory::is_ours(name)) {
        found.push_back(name);
      }
    }
    memory_ = std::make_unique<Memory>(*keeper);
    restored_ = !found.empty() && go_on();
    if (!restored_ && !found.empty()) {
      // A predecessor that never got ready: nothing was heard of it.
      memory_.reset();
      for (const std::string& name : found) {
        keeper->forget(name);
        keeper->kept().erase(name);
      }
      memory_ = std::make_unique<Memory>(*keeper);
    }
    host_->record(memory_->timeline);
    if (restored_) {
      return;
    }
  }
  for (const Command& command : layout_.commands()) {
    (void)host_->send(std::array{command});
  }
}

Desk::~Desk() = default;

const std::map<std::string, Desk::Handler>& Desk::handlers() {
  static const std::map<std::string, Handler> table{
      {"add", &Desk::add},
      {"open_stream", &Desk::open_stream},
      {"feed", &Desk::feed},
      {"remove", &Desk::remove},
      {"clear_sources", &Desk::clear_sources},
      {"start", &Desk::schedule},
      {"stop", &Desk::schedule},
      {"pause", &Desk::schedule},
      {"resume", &Desk::schedule},
      {"set", &Desk::schedule},
      {"seek", &Desk::schedule},
      {"emitter", &Desk::schedule},
      {"listener", &Desk::listener},
      {"batch", &Desk::batch},
      {"cancel", &Desk::cancel},
      {"bus", &Desk::bus},
      {"buses", &Desk::buses},
      {"clip", &Desk::clip},
      {"now", &Desk::now},
      {"info", &Desk::info},
      {"voice", &Desk::voice},
      {"list", &Desk::list},
      {"meters", &Desk::meters},
      {"subscribe", &Desk::subscribe},
      {"queue", &Desk::queue},
      {"session", &Desk::session},
      {"resume_session", &Desk::resume_session},
  };
  return table;
}

Desk::ClientId Desk::join_as_host(Send send) {
  host_client_ = kHost;
  clients_[kHost].send = std::move(send);
  return kHost;
}

Desk::ClientId Desk::join(Send send) {
  const ClientId id = next_client_++;
  clients_[id].send = std::move(send);
  return id;
}

void Desk::leave(ClientId connection) {
  const ClientId client = whose(connection);
  const bool spoke = speaks_for_.erase(connection) > 0;
  const auto found = clients_.find(client);
  if (found == clients_.end() || (spoke && found->second.connection != connection) ||
      (!spoke && found->second.connection != 0)) {
    return;  // another connection speaks for it by now
  }
  if (memory_ && !restoring_) {
    memory_->note(Memory::kLeft, {{"client", client}});
  }
  for (const std::uint16_t queue : found->second.queues) {
    host_->detach(queue);
  }
  clients_.erase(found);
  for (auto& [id, voice] : voices_) {
    if (voice.owner != client) {
      continue;
    }
    voice.owner = 0;
    if (voice.on_exit != OnExit::Keep && !restoring_) {
      const double fade = voice.on_exit == OnExit::Fade ? kOwnerFadeSeconds * rate_hz_ : 0.0;
      remove_later(id, static_cast<std::uint32_t>(fade));
    }
  }
}

void Desk::remove_later(mixer::VoiceId id, std::uint32_t fade) {
  later_.push_back(mixer::remove_voice(id, mixer::kCommandForce, fade));
}

void Desk::hear(ClientId connection, const std::string& line, std::vector<UniqueFd>& fds) {
  const ClientId client = whose(connection);
  json id;
  const std::size_t before = fds.size();
  bool sent_along = false;
  try {
    const json request = json::parse(line);
    if (request.is_object()) {
      id = request.value("id", json());
      sent_along = request.contains("bytes") || request.value("memfd", json()) == true;
    }
    if (!id.is_null() && !id.is_string() && !id.is_number_integer()) {
      id = nullptr;
      throw Error(ErrorCode::Spec, "'id' must be a whole number or a text");
    }
    ask(client, request, fds);
  } catch (const json::exception& error) {
    fail(client, id, std::string("this is no JSON object on one line: ") + error.what());
  } catch (const std::exception& error) {
    fail(client, id, error.what());
  }
  // What came with a request that was refused is not the next one's.
  if (sent_along && before > 0 && fds.size() == before) {
    fds.erase(fds.begin());
  }
}

bool Desk::bytes_behind(const std::string& line, std::size_t most, std::size_t& bytes) {
  bytes = 0;
  if (line.find("\"bytes\"") == std::string::npos) {
    return true;
  }
  const json request = json::parse(line, nullptr, false);
  if (!request.is_object() || !request.contains("bytes")) {
    return true;
  }
  const json& given = request["bytes"];
  if (!given.is_number_unsigned() || given.get<std::uint64_t>() == 0 ||
      given.get<std::uint64_t>() > most) {
    return false;
  }
  bytes = given.get<std::size_t>();
  return true;
}

bool Desk::is_request(const std::string& line) {
  const json request = json::parse(line, nullptr, false);
  return request.is_object() && request.contains("do");
}

void Desk::ask(ClientId client, const json& request, std::vector<UniqueFd>& fds) {
  Fields fields(request);
  const std::string what = fields.text("do");
  if (fields.flag("again") &&
      answer_again(
          client, request.value("id", json()), request.value("shared", json()) == json(true))) {
    // What came along is not needed a second time, and not the next request's.
    if (!fds.empty() && (fields.has("memfd") || fields.has("bytes"))) {
      fds.erase(fds.begin());
    }
    return;
  }
  const auto found = handlers().find(what);
  if (found == handlers().end()) {
    std::string all;
    for (const auto& [name, handler] : handlers()) {
      all += (all.empty() ? "" : ", ") + name;
    }
    throw Error(ErrorCode::Spec, "unknown request '" + what + "'; there are: " + all);
  }
  (this->*found->second)(client, fields, request.value("id", json()), fds);
}

// Replies ---------------------------------------------------------------------------------------

void Desk::reply(ClientId client, const json& id, json what, int fd) {
  const auto found = clients_.find(client);
  if (found == clients_.end()) {
    return;
  }
  what["id"] = id;
  if (fd >= 0) {
    what["fd"] = true;
  }
  what["ok"] = !what.contains("error");
  if (found->second.send) {
    found->second.send(line_of(what), fd);
  }
}

void Desk::fail(ClientId client, const json& id, const std::string& text) {
  reply(client, id, {{"error", text}});
}

// Each group is all or nothing; one reply when the engine has answered them all.
void Desk::send(ClientId client,
                const json& id,
                std::vector<Commands> groups,
                const json& more,
                bool batch,
                int fd) {
  const auto joined = clients_.find(client);
  auto reply = std::make_shared<Reply>();
  *reply = {client,
            id,
            json::array(),
            more,
            0,
            batch,
            "",
            UniqueFd(fd >= 0 ? ::fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1)};
  for (Commands& group : groups) {
    for (Command& command : group) {
      command.request = next_request_++;
    }
    group.front().batch = static_cast<std::uint16_t>(group.size());
  }
  if (memory_) {
    json sent = json::array();
    for (const Commands& group : groups) {
      for (const Command& command : group) {
        sent.push_back({command.request,
                        command.voice,
                        static_cast<int>(command.kind),
                        &command == &group.front()});
      }
    }
    memory_->note(
        Memory::kSent,
        {{"client", client}, {"id", id}, {"more", more}, {"batch", batch}, {"requests", sent}});
  }
  for (const Commands& group : groups) {
    if (!host_->send(group)) {
      throw Error(ErrorCode::Open,
                  "the command queue is full (" + std::to_string(MixerHost::kQueueCapacity) +
                      " commands): does the device still run? Try again");
    }
    for (const Command& command : group) {
      pending_[command.request] = {reply, reply->results.size(), command.voice, command.kind};
      reply->results.push_back(json::object());
      ++reply->remaining;
      origins_[command.request] = {client, id.dump()};
    }
    if (joined != clients_.end() && !id.is_null()) {
      remember_id(joined->second, id.dump(), {group.front().request, group.front().voice});
    }
  }
  while (origins_.size() > kRememberedRequests) {
    origins_.erase(origins_.begin());
  }
}

void Desk::remember_id(Client& client, const std::string& key, const Asked& asked) {
  client.asked[key] = asked;
  client.answers.erase(key);
  client.asked_order.push_back(key);
  if (client.asked_order.size() > kRememberedIds) {
    const std::string& oldest = client.asked_order.front();
    client.asked.erase(oldest);
    client.answers.erase(oldest);
    client.asked_order.pop_front();
  }
}

// Time ------------------------------------------------------------------------------------------

std::int64_t Desk::delay() const noexcept {
  return latency_ + host_->engine().delay();
}

double Desk::now_sample() const noexcept {
  return sample_at(monotonic_ns());
}

double Desk::sample_at(std::int64_t mono_ns) const noexcept {
  OutputClock clock;
  if (!host_->clock(clock)) {
    return 0;
  }
  if (clock.freewheel) {
    return static_cast<double>(clock.sample);
  }
  return static_cast<double>(clock.sample) +
         static_cast<double>(mono_ns - clock.time_ns) / clock.ns_per_sample;
}

double Desk::heard_s(std::int64_t sample) const noexcept {
  return (static_cast<double>(sample + delay()) + bias_) / rate_hz_;
}

bool Desk::clock_at(std::int64_t sample, OutputClock& clock) const noexcept {
  for (const Stretch& stretch : stretches_) {
    if (sample < stretch.end) {
      clock = stretch.clock;
      return true;
    }
  }
  return host_->clock(clock);
}

void Desk::put_times(json& into, std::int64_t sample) const {
  OutputClock clock;
  into["sample"] = sample;
  into["time"] = heard_s(sample);
  if (clock_at(sample, clock)) {
    const double samples = static_cast<double>(sample + delay() - clock.sample) + bias_;
    into["mono_ns"] = clock.time_ns + static_cast<std::int64_t>(samples * clock.ns_per_sample);
    into["sigma_ns"] = clock.sigma_ns;
  }
}

// Tables ----------------------------------------------------------------------------------------

mixer::VoiceId Desk::take_voice() {
  if (free_slots_.empty()) {
    const auto slot = static_cast<std::uint32_t>(generations_.size());
    if (slot >= voice_room_) {
      voice_room_ *= 2;
      host_->engine().reserve(voice_room_, 8 * voice_room_, source_room_);
    }
    generations_.push_back(0);
    free_slots_.push_back(slot);
  }
  const std::uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  return mixer::make_voice(slot, ++generations_[slot]);
}

std::uint32_t Desk::free_source() {
  if (free_sources_.empty()) {
    const auto number = static_cast<std::uint32_t>(sources_.size());
    if (number >= source_room_) {
      source_room_ *= 2;
      host_->engine().reserve(voice_room_, 8 * voice_room_, source_room_);
    }
    sources_.emplace_back();
    return number;
  }
  const std::uint32_t number = free_sources_.back();
  free_sources_.pop_back();
  return number;
}

std::uint32_t Desk::take_source(std::shared_ptr<const Sound> sound) {
  for (std::uint32_t number = 0; number < sources_.size(); ++number) {
    if (sources_[number].sound == sound) {
      ++sources_[number].voices;
      return number;
    }
  }
  const std::uint32_t number = free_source();
  host_->engine().set_samples(number, sound->view());
  sources_[number] = {std::move(sound), 1, {}};
  return number;
}

void Desk::drop_source(std::uint32_t number) {
  Source& source = sources_[number];
  if (source.voices > 0 && --source.voices == 0) {
    if (memory_ && !source.kept.empty()) {
      memory_->keeper->forget(source.kept);
    }
    source.kept.clear();
    source.sound.reset();
    free_sources_.push_back(number);
  }
}

// The engine has let go of a voice. One that ended within a block is told of before that block is
// mixed: its memory may go when the engine has come past the voice's last sample.
void Desk::give_back(mixer::VoiceId id, std::int64_t sample) {
  const auto found = voices_.find(id);
  if (found == voices_.end()) {
    return;
  }
  if (!found->second.name.empty()) {
    names_.erase(found->second.name);
  }
  being_mixed_.emplace_back(found->second.source, sample);
  drop_what_was_mixed();
  voices_.erase(found);
  free_slots_.push_back(mixer::slot_of(id));
}

void Desk::drop_what_was_mixed() {
  const std::int64_t position = host_->engine().position();
  const auto kept = std::stable_partition(
      being_mixed_.begin(), being_mixed_.end(), [&](auto& one) { return one.second > position; });
  for (auto at = kept; at != being_mixed_.end(); ++at) {
    drop_source(at->first);
  }
  being_mixed_.erase(kept, being_mixed_.end());
}

mixer::VoiceId Desk::voice_of(Fields& fields, const char* name) {
  const json* value = fields.find(name);
  if (value != nullptr && value->is_string()) {
    const std::string text = value->get<std::string>();
    if (text == "pipeline" && host_->live_channels() > 0) {
      return MixerHost::kLiveVoice;
    }
    const auto found = names_.find(text);
    if (found != names_.end()) {
      return found->second;
    }
    std::string all = host_->live_channels() > 0 ? "pipeline" : "";
    for (const auto& [known, id] : names_) {
      all += (all.empty() ? "" : ", ") + known;
    }
    throw Error(
        ErrorCode::Spec,
        "there is no voice '" + text + "'; named ones are: " + (all.empty() ? "none" : all));
  }
  if (value != nullptr && value->is_number_unsigned()) {
    const auto id = value->get<mixer::VoiceId>();
    if (voices_.count(id) != 0 || (id == MixerHost::kLiveVoice && host_->live_channels() > 0)) {
      return id;
    }
    throw Error(ErrorCode::Spec, "there is no voice " + std::to_string(id));
  }
  fields.refuse(name, "a voice: its number, or its name");
}

std::string Desk::name_of(mixer::VoiceId id) const {
  if (id == MixerHost::kLiveVoice && host_->live_channels() > 0) {
    return "pipeline";
  }
  const auto found = voices_.find(id);
  return found == voices_.end() ? std::string() : found->second.name;
}

}  // namespace avrig::dipstream
