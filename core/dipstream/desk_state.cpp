// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "desk_memory.hpp"
#include "desk_reply.hpp"
#include <avrig/error.hpp>

#include <algorithm>
#include <cstring>
#include <set>
#include <type_traits>

// All that a desk is, as one value, in the place of what its logs say up to there: so that neither
// they nor the time that a successor needs grow with the run.

namespace avrig::dipstream {
namespace {

using mixer::Event;
using mixer::EventKind;
using nlohmann::json;

constexpr int kVersion = 1;

template <class T>
json bytes_of(const T* records, std::size_t count) {
  static_assert(std::is_trivially_copyable_v<T>);
  const auto* from = reinterpret_cast<const std::uint8_t*>(records);
  return json::binary({from, from + count * sizeof(T)});
}

template <class T>
std::vector<T> records_in(const json& bytes) {
  const auto& binary = bytes.get_binary();
  std::vector<T> records(binary.size() / sizeof(T));
  if (!records.empty()) {
    std::memcpy(static_cast<void*>(records.data()), binary.data(), records.size() * sizeof(T));
  }
  return records;
}

template <class T>
T record_in(const json& bytes) {
  const std::vector<T> records = records_in<T>(bytes);
  if (records.size() != 1) {
    throw Error(ErrorCode::Open, "the state of this desk is another version's");
  }
  return records.front();
}

json place_as_json(const KeptLog::Place& place) {
  return json::array({place.chunk, place.at});
}

KeptLog::Place place_in(const json& place) {
  return {place.at(0), place.at(1)};
}

}  // namespace

// The memory of it -------------------------------------------------------------------------------

bool Desk::Memory::is_due() const noexcept {
  return !ended && ready &&
         timeline.written() + journal.written() - written_then >
             std::max(condense_bytes, times_state * state_bytes);
}

void Desk::Memory::commit(json portrait, Standpoint reached) {
  const KeptLog::Place end = journal.end();
  portrait["version"] = kVersion;
  portrait["journal"] = place_as_json(end);
  portrait["timeline"] = place_as_json(reached.place);
  portrait["sample"] = reached.sample;
  portrait["taken"] = reached.taken;
  const std::vector<std::uint8_t> text = json::to_cbor(portrait);
  constexpr std::size_t kHeads = 64;
  const shm::Segment segment =
      shm::LogChunk::create("avrig-mixer-state", text.size() + reached.engine.size() + kHeads, 0);
  shm::LogChunk state(segment);
  if (!state.append(kState, std::as_bytes(std::span(text))) ||
      !state.append(kEngine, reached.engine)) {
    throw Error(ErrorCode::Internal, "the mixer's state does not fit");
  }
  // This is the step that counts. Before it, a successor takes the former state and the whole logs
  // behind that; after it, this one. What is then let go of, nobody looks at any more.
  if (!keeper->keep(kStateName, segment.fd())) {
    throw Error(ErrorCode::Open, "nobody keeps the mixer's state");
  }
  state_bytes = text.size() + reached.engine.size();
  written_then = timeline.written() + journal.written();
  standpoint = std::move(reached);
  beginning = end;
  timeline.drop_before(standpoint.place);
  journal.drop_before(beginning.chunk);
}

json Desk::Memory::recall() {
  UniqueFd kept = copy_of(kStateName);
  if (!kept) {
    return {};
  }
  const shm::LogChunk chunk(shm::Segment::adopt(std::move(kept)));
  shm::LogChunk::Record text;
  shm::LogChunk::Record engine;
  std::uint64_t at = 0;
  json state;
  if (chunk.next(at, text) && chunk.next(at, engine) && text.kind == kState &&
      engine.kind == kEngine) {
    const auto* begin = reinterpret_cast<const std::uint8_t*>(text.bytes.data());
    state = json::from_cbor(begin, begin + text.bytes.size(), true, false);
  }
  if (!state.is_object() || state.value("version", 0) != kVersion) {
    throw Error(ErrorCode::Open, "the state of this desk is another version's");
  }
  state_bytes = text.bytes.size() + engine.bytes.size();
  standpoint.sample = state.at("sample");
  standpoint.place = place_in(state.at("timeline"));
  standpoint.taken = state.at("taken").get<std::map<std::uint32_t, std::uint64_t>>();
  standpoint.engine.assign(engine.bytes.begin(), engine.bytes.end());
  beginning = place_in(state.at("journal"));
  // Its predecessor may have been killed before it did so itself.
  timeline.drop_before(standpoint.place);
  journal.drop_before(beginning.chunk);
  return state;
}

void Desk::condense_after(std::uint64_t bytes) noexcept {
  if (memory_) {
    memory_->condense_bytes = bytes;
    memory_->times_state = 0;
  }
}

// Making it --------------------------------------------------------------------------------------

// Where it cannot be (no memory, no descriptors), all stays as it was, and is tried again later.
void Desk::condense(std::int64_t reached) {
  auto told = memory_->told;
  auto voices = memory_->voices;
  try {
    make_state(reached);
  } catch (const std::exception&) {
    memory_->told = std::move(told);
    memory_->voices = std::move(voices);
    memory_->written_then = memory_->timeline.written() + memory_->journal.written();
  }
}

// An engine beside the one that is heard goes through what was logged since the last state, as a
// successor would, and its image is the next one: the device's thread knows nothing of it.
void Desk::make_state(std::int64_t reached) {
  const std::int64_t sample = std::max(reached, memory_->standpoint.sample);
  mixer::EngineConfig config = host_->engine().config();
  config.max_block = 64;  // it renders nothing
  mixer::Engine silent(config);
  silent.reserve(voice_room_, 8 * voice_room_, source_room_);
  mixer::StreamHeader nobody;
  const auto lend = [&](mixer::VoiceId id) {
    lend_shape(silent, nobody, id);
  };
  const auto drain = [&] {
    Event event;
    while (silent.next_event(event)) {
      const auto told = memory_->told.find(Memory::identity_of(event));
      if (told != memory_->told.end() && --told->second == 0) {
        memory_->told.erase(told);
      }
    }
  };
  Standpoint now = replay(silent,
                          memory_->timeline,
                          memory_->standpoint,
                          sample,
                          sample,
                          {[&](std::span<const mixer::Command> batch) {
                             for (const mixer::Command& command : batch) {
                               if (command.kind == mixer::CommandKind::AddVoice) {
                                 lend(command.voice);
                               }
                             }
                           },
                           [&](mixer::VoiceId id, std::uint32_t) { lend(id); },
                           drain});
  forget_past(silent, now);
  now.engine = silent.save();
  memory_->commit(portrait(), std::move(now));
}

// What no replay from that standpoint on can come upon again.
void Desk::forget_past(const mixer::Engine& engine, const Standpoint& now) {
  // Reported once, and not again by an engine that was not heard (an underrun, a clip).
  std::erase_if(memory_->told, [&](const auto& one) {
    const auto& [kind, voice, play, request, sample] = one.first;
    return kind != EventKind::Removed && sample < now.sample;
  });
  std::set<mixer::VoiceId> named;
  memory_->timeline.for_each(now.place,
                             [&](const TimelineLog::Batch&, std::span<const mixer::Command> batch) {
                               for (const mixer::Command& command : batch) {
                                 if (command.kind == mixer::CommandKind::AddVoice) {
                                   named.insert(command.voice);
                                 }
                               }
                               return true;
                             });
  std::erase_if(memory_->voices, [&](const auto& one) {
    return voices_.count(one.first) == 0 && engine.status(one.first).voice != one.first &&
           named.count(one.first) == 0;
  });
}

json Desk::portrait() const {
  json clients = json::array();
  for (const auto& [id, client] : clients_) {
    clients.push_back(portrait_of(client));
    clients.back()["client"] = id;
  }
  json voices = json::array();
  for (const auto& [id, record] : memory_->voices) {
    voices.push_back(record);
    if (const auto found = voices_.find(id); found != voices_.end()) {
      const Voice& voice = found->second;
      voices.back().update({{"owner", voice.owner},
                            {"name", voice.name},
                            {"bus", voice.bus},
                            {"start", voice.start},
                            {"end", voice.end},
                            {"emitter", bytes_of(&voice.emitter, 1)}});
    }
  }
  json told = json::array();
  for (const auto& [what, count] : memory_->told) {
    const auto& [kind, voice, play, request, sample] = what;
    told.push_back({static_cast<std::uint32_t>(kind), voice, play, request, sample, count});
  }
  json origins = json::array();
  for (const auto& [request, origin] : origins_) {
    origins.push_back({request, origin.client, origin.id});
  }
  std::vector<OutputClock> clocks;
  std::vector<std::int64_t> ends;
  for (const Stretch& stretch : stretches_) {
    clocks.push_back(stretch.clock);
    ends.push_back(stretch.end);
  }
  const std::vector<Event> waiting = ledger_.save();
  return {{"shape", shape()},
          {"latency", latency_},
          {"device_runs", device_runs_},
          {"next_request", next_request_},
          {"next_client", next_client_},
          {"next_memory", memory_->next_memory},
          {"generations", generations_},
          {"free", free_slots_},
          {"buses", buses_as_json()},
          {"listener", bytes_of(&listener_, 1)},
          {"clients", std::move(clients)},
          {"voices", std::move(voices)},
          {"pending", portrait_of_pending()},
          {"origins", std::move(origins)},
          {"told", std::move(told)},
          {"waiting", bytes_of(waiting.data(), waiting.size())},
          {"clocks", bytes_of(clocks.data(), clocks.size())},
          {"ends", std::move(ends)}};
}

json Desk::portrait_of(const Client& client) const {
  json asked = json::object();
  for (const auto& [key, one] : client.asked) {
    asked[key] = {one.request, one.voice};
  }
  return {{"token", client.token},
          {"events", client.events},
          {"queues", client.queues},
          {"asked", std::move(asked)},
          {"order", client.asked_order},
          {"answers", client.answers},
          {"told", client.told},
          {"last", client.last_events}};
}

json Desk::portrait_of_pending() const {
  std::map<const Reply*, json> replies;
  for (const auto& [request, pending] : pending_) {
    const Reply& reply = *pending.reply;
    json& one = replies[&reply];
    if (one.is_null()) {
      one = {{"client", reply.client},
             {"id", reply.id},
             {"results", reply.results},
             {"more", reply.more},
             {"batch", reply.batch},
             {"error", reply.error},
             {"requests", json::array()}};
    }
    one["requests"].push_back(
        {request, pending.index, pending.voice, static_cast<std::uint32_t>(pending.kind)});
  }
  json list = json::array();
  for (auto& [reply, one] : replies) {
    list.push_back(std::move(one));
  }
  return list;
}

// Taking it up -----------------------------------------------------------------------------------

void Desk::become(const json& state) {
  latency_ = state.at("latency");
  device_runs_ = state.at("device_runs");
  next_request_ = state.at("next_request");
  next_client_ = state.at("next_client");
  generations_ = state.at("generations").get<std::vector<std::uint32_t>>();
  free_slots_ = state.at("free").get<std::vector<std::uint32_t>>();
  listener_ = record_in<mixer::ListenerPayload>(state.at("listener"));
  read_buses(state.at("buses"));
  for (const json& client : state.at("clients")) {
    become_client(client.at("client"), client);
  }
  for (const json& record : state.at("voices")) {
    const mixer::VoiceId id = record.at("voice");
    if (!record.contains("emitter")) {
      memory_->voices[id] = record;  // it is gone
      continue;
    }
    read_voice(record);
    Voice& voice = voices_.at(id);
    voice.start = record.at("start");
    voice.end = record.at("end");
    voice.emitter = record_in<mixer::EmitterPayload>(record.at("emitter"));
  }
  memory_->next_memory = state.at("next_memory");
  become_pending(state.at("pending"));
  for (const json& one : state.at("origins")) {
    origins_[one.at(0)] = {one.at(1), one.at(2)};
  }
  for (const json& one : state.at("told")) {
    memory_->told[{static_cast<EventKind>(one.at(0).get<std::uint32_t>()),
                   one.at(1),
                   one.at(2),
                   one.at(3),
                   one.at(4)}] = one.at(5);
  }
  ledger_.load(records_in<Event>(state.at("waiting")));
  const std::vector<OutputClock> clocks = records_in<OutputClock>(state.at("clocks"));
  for (std::size_t at = 0; at < clocks.size(); ++at) {
    stretches_.push_back({clocks[at], state.at("ends").at(at)});
  }
}

void Desk::become_client(ClientId id, const json& state) {
  Client& client = clients_[id];
  client.token = state.at("token");
  client.events = state.at("events").get<Subscription>();
  client.queues = state.at("queues").get<std::vector<std::uint16_t>>();
  for (const auto& [key, one] : state.at("asked").items()) {
    client.asked[key] = {one.at(0), one.at(1)};
  }
  client.asked_order = state.at("order").get<std::deque<std::string>>();
  client.answers = state.at("answers").get<std::map<std::string, std::string>>();
  client.told = state.at("told");
  client.last_events = state.at("last").get<std::deque<std::string>>();
}

void Desk::become_pending(const json& state) {
  for (const json& one : state) {
    auto reply = std::make_shared<Reply>();
    *reply = {one.at("client"),
              one.at("id"),
              one.at("results"),
              one.at("more"),
              one.at("requests").size(),
              one.at("batch").get<bool>(),
              one.at("error"),
              {}};
    for (const json& request : one.at("requests")) {
      pending_[request.at(0)] = {
          reply,
          request.at(1),
          request.at(2),
          static_cast<mixer::CommandKind>(request.at(3).get<std::uint32_t>())};
    }
  }
}

}  // namespace avrig::dipstream
