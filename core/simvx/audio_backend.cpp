// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/dipstream/dipstream.hpp>
#include <avrig/simvx/audio_backend.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <stdexcept>

#include <nlohmann/json.hpp>

namespace avrig::simvx {
namespace {

using dipstream::DipStream;
using dipstream::StreamError;
using nlohmann::json;

constexpr double kMinPitch = 0.1;
constexpr double kStopFade = 0.005;
constexpr double kPauseFade = 0.002;

std::atomic<VoiceId> next_id{1};  // of the whole process

double db(double volume) {
  return std::clamp(volume, -80.0, 24.0);
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char letter) {
    return static_cast<char>(std::tolower(letter));
  });
  return text;
}

json place(const char* mode, const std::optional<Vector>& position, double max_distance) {
  if (!position) {
    return nullptr;
  }
  return {{"do", "emitter"},
          {"mode", mode},
          {"position", *position},
          {"max_distance", max_distance},
          {"ramp", 0}};
}

struct Voice {
  std::uint64_t number = 0;  // the mixer's
  double rate = 0;           // of its data
  double factor = 1;         // what pitch 1 is, where the data's rate is not the mixer's
  bool placed = false;
  std::optional<dipstream::Source> stream;
  std::byte left[64 * 2] = {};  // of a chunk that ended inside a sample
  std::size_t left_bytes = 0;
};

}  // namespace

struct AudioBackend::Impl {
  explicit Impl(const BackendOptions& given) : options(given) {
    dipstream::DipStreamOptions where;
    where.samplerate = options.device == "null" ? options.sample_rate : 0;
    where.channels = options.nchannels;
    where.device = options.device;
    where.server = options.server;
    where.attach = options.attach;
    where.name = "simvx";
    where.clip = "clamp";
    stream = std::make_shared<DipStream>(where);
    rate = stream->samplerate();
    for (unsigned channel = 1; channel <= std::min(options.nchannels, stream->channels());
         ++channel) {
      channels.push_back(channel);
    }
    learn_buses();
    stream->subscribe(
        [this, raw = stream.get()](const dipstream::Event& event) { on_event(*raw, event); });
  }

  // A voice that has come to its end dies, and its id with it.
  void on_event(DipStream& source, const dipstream::Event& event) {
    if (event.kind != "ended" || event.state != "predicted") {
      return;
    }
    {
      const std::lock_guard<std::mutex> lock(mutex);
      const auto found = numbers.find(event.voice);
      if (found == numbers.end()) {
        return;
      }
      voices.erase(found->second);
      numbers.erase(found);
    }
    try {
      source.tell(json{{"do", "remove"}, {"voice", event.voice}, {"force", true}}.dump());
    } catch (const StreamError&) {
      return;  // it is being closed
    }
  }

  std::shared_ptr<DipStream> open() {
    const std::lock_guard<std::mutex> lock(mutex);
    return stream;
  }

  json ask(const json& request) {
    const auto now = open();
    if (!now) {
      throw std::invalid_argument("the backend has been shut down");
    }
    try {
      return json::parse(now->request(request.dump()));
    } catch (const StreamError& error) {
      throw std::invalid_argument(error.what());
    }
  }

  void tell(const json& request) {
    const auto now = open();
    try {
      if (now) {
        now->tell(request.dump());
      }
    } catch (const StreamError&) {
      return;  // it has gone: then nothing is what happens
    }
  }

  void learn_buses() {
    const json list = ask({{"do", "buses"}}).at("buses");
    const std::lock_guard<std::mutex> lock(mutex);
    for (const json& one : list) {
      const auto name = one.at("name").get<std::string>();
      names.insert({lower(name), name});
    }
  }

  std::string bus(const std::string& name) {
    const std::lock_guard<std::mutex> lock(mutex);
    const auto found = names.find(lower(name));
    if (found != names.end()) {
      return found->second;
    }
    std::string all;
    for (const auto& [key, known] : names) {
      all += (all.empty() ? "" : ", ") + known;
    }
    throw std::invalid_argument("unknown bus '" + name + "': there are " + all);
  }

  dipstream::SourceOptions source_options(double volume_db,
                                          double pitch,
                                          const std::string& bus_name,
                                          double factor) const {
    dipstream::SourceOptions how;
    how.gain_db = db(volume_db);
    how.pitch = std::max(kMinPitch, pitch) * factor;
    how.bus = bus_name;
    how.quality = std::abs(factor - 1) < 1e-9 ? "linear" : "sinc";
    return how;
  }

  VoiceId keep(Voice voice) {
    const std::lock_guard<std::mutex> lock(mutex);
    const VoiceId id = next_id.fetch_add(1);
    numbers[voice.number] = id;
    voices.emplace(id, std::move(voice));
    return id;
  }

  std::optional<VoiceId> play(const std::string& path,
                              std::span<const float> samples,
                              const Play& how,
                              json where) {
    const std::string name = bus(how.bus);
    const auto now = open();
    const double factor =
        path.empty() ? static_cast<double>(options.sample_rate) / rate : 1.0;  // files: resampled
    try {
      if (!now) {
        throw StreamError("the backend has been shut down");
      }
      dipstream::SourceOptions source = source_options(how.volume_db, how.pitch, name, factor);
      source.data_channels = static_cast<unsigned>(channels.size());
      const dipstream::Source made =
          path.empty()
              ? now->add(rate, samples, channels, source)
              : now->add_file(std::filesystem::absolute(path).string(), channels, source, false);
      const bool placed = !where.is_null();
      const VoiceId id = keep({made.voice(), rate * factor, factor, placed, std::nullopt});
      if (placed) {
        where["voice"] = made.voice();
        tell(where);
      }
      tell({{"do", "start"}, {"voice", made.voice()}, {"loop", how.loop}});
      return id;
    } catch (const std::exception& error) {
      warn("cannot play " + (path.empty() ? "these samples" : "'" + path + "'") + ": " +
           error.what());
      return std::nullopt;
    }
  }

  void warn(const std::string& text) const {
    if (options.warn) {
      options.warn(text);
    } else {
      std::fprintf(stderr, "simvx: %s\n", text.c_str());
    }
  }

  void tell_voice(VoiceId id, json request) {
    {
      const std::lock_guard<std::mutex> lock(mutex);
      const auto found = voices.find(id);
      if (found == voices.end()) {
        return;
      }
      request["voice"] = found->second.number;
    }
    tell(request);
  }

  void update(VoiceId id, json fields, std::optional<double> pitch) {
    bool placed = false;
    std::uint64_t number = 0;
    {
      const std::lock_guard<std::mutex> lock(mutex);
      const auto found = voices.find(id);
      if (found == voices.end()) {
        return;
      }
      std::swap(placed, found->second.placed);
      number = found->second.number;
      if (pitch) {
        fields["pitch"] = std::max(kMinPitch, *pitch) * found->second.factor;
      }
    }
    if (placed) {
      tell({{"do", "emitter"}, {"voice", number}, {"mode", "off"}});
    }
    fields["do"] = "set";
    fields["voice"] = number;
    tell(fields);
  }

  BackendOptions options;
  unsigned rate = 0;
  std::vector<unsigned> channels;
  std::mutex mutex;
  std::shared_ptr<DipStream> stream;
  std::map<VoiceId, Voice> voices;
  std::map<std::uint64_t, VoiceId> numbers;  // by the mixer's number
  std::map<std::string, std::string> names;  // of buses, by themselves in small letters
};

AudioBackend::AudioBackend(const BackendOptions& options)
    : impl_(std::make_shared<Impl>(options)) {}

AudioBackend::~AudioBackend() {
  shutdown();
}

void AudioBackend::shutdown() {
  std::shared_ptr<DipStream> last;
  std::map<VoiceId, Voice> gone;
  const std::lock_guard<std::mutex> lock(impl_->mutex);
  last.swap(impl_->stream);
  gone.swap(impl_->voices);
  impl_->numbers.clear();
}

std::optional<VoiceId> AudioBackend::play_audio(const Sound& sound, const Play& how) {
  return impl_->play(sound.path_, sound.samples_, how, nullptr);
}

std::optional<VoiceId> AudioBackend::play_audio_2d(const Sound& sound, const Play2D& how) {
  return impl_->play(sound.path_,
                     sound.samples_,
                     {how.volume_db, how.pitch, how.loop, how.bus},
                     place("2d", how.position, how.max_distance));
}

std::optional<VoiceId> AudioBackend::play_audio_3d(const Sound& sound, const Play3D& how) {
  return impl_->play(sound.path_,
                     sound.samples_,
                     {how.volume_db, how.pitch, how.loop, how.bus},
                     place("3d", how.position, how.max_distance));
}

void AudioBackend::stop_audio(VoiceId id) {
  std::uint64_t number = 0;
  {
    const std::lock_guard<std::mutex> lock(impl_->mutex);
    const auto found = impl_->voices.find(id);
    if (found == impl_->voices.end()) {
      return;
    }
    number = found->second.number;
    impl_->numbers.erase(number);
    impl_->voices.erase(found);
  }
  impl_->tell({{"do", "remove"}, {"voice", number}, {"force", true}, {"fade", kStopFade}});
}

void AudioBackend::pause_audio(VoiceId id) {
  impl_->tell_voice(id, {{"do", "pause"}, {"fade", kPauseFade}});
}

void AudioBackend::resume_audio(VoiceId id) {
  impl_->tell_voice(id, {{"do", "resume"}, {"fade", kPauseFade}});
}

void AudioBackend::update_audio_2d(VoiceId id, double volume_db, double pan) {
  impl_->update(id, {{"gain_db", db(volume_db)}, {"pan", pan}}, std::nullopt);
}

void AudioBackend::update_audio_3d(VoiceId id, double volume_db, double pan, double pitch) {
  impl_->update(id, {{"gain_db", db(volume_db)}, {"pan", pan}}, pitch);
}

double AudioBackend::get_playback_position(VoiceId id) {
  std::uint64_t number = 0;
  double rate = 1;
  {
    const std::lock_guard<std::mutex> lock(impl_->mutex);
    const auto found = impl_->voices.find(id);
    if (found == impl_->voices.end()) {
      return 0;
    }
    number = found->second.number;
    rate = found->second.rate;
  }
  try {
    return impl_->ask({{"do", "voice"}, {"voice", number}}).at("position").get<double>() / rate;
  } catch (const std::exception&) {
    return 0;  // it has just ended
  }
}

void AudioBackend::set_listener(const Listener& listener) {
  impl_->tell({{"do", "listener"},
               {"position", listener.position},
               {"velocity", listener.velocity},
               {"right", listener.right}});
}

VoiceId AudioBackend::open_stream(const OpenStream& how) {
  const std::string name = impl_->bus(how.bus);
  const auto now = impl_->open();
  if (!now) {
    return 0;
  }
  const double factor = static_cast<double>(impl_->options.sample_rate) / impl_->rate;
  const dipstream::Source made =
      now->open_stream(impl_->channels,
                       impl_->options.buffer_seconds,
                       impl_->source_options(how.volume_db, how.pitch, name, factor));
  const VoiceId id = impl_->keep({made.voice(), impl_->rate * factor, factor, false, made});
  impl_->tell({{"do", "start"}, {"voice", made.voice()}});
  return id;
}

std::size_t AudioBackend::feed_audio_chunk(VoiceId id, std::span<const std::byte> chunk) {
  const std::lock_guard<std::mutex> lock(impl_->mutex);
  const auto found = impl_->voices.find(id);
  if (found == impl_->voices.end() || !found->second.stream) {
    return 0;
  }
  Voice& voice = found->second;
  const std::size_t whole = 2 * impl_->channels.size();
  std::vector<std::byte> bytes(voice.left, voice.left + voice.left_bytes);
  bytes.insert(bytes.end(), chunk.begin(), chunk.end());
  const std::size_t count = bytes.size() / whole;
  std::vector<std::int16_t> pcm(count * impl_->channels.size());
  std::memcpy(pcm.data(), bytes.data(), count * whole);
  std::size_t taken = 0;
  try {
    taken = voice.stream->feed(pcm).taken;
  } catch (const StreamError&) {
    return 0;
  }
  if (taken < count) {
    // What was left of the chunk before is used up with the first sample.
    const std::size_t before = voice.left_bytes;
    voice.left_bytes = taken == 0 ? before : 0;
    return taken == 0 ? 0 : taken * whole - before;
  }
  voice.left_bytes = bytes.size() - count * whole;
  std::copy(bytes.end() - static_cast<std::ptrdiff_t>(voice.left_bytes), bytes.end(), voice.left);
  return chunk.size();
}

void AudioBackend::add_bus(const std::string& name, double volume_db, const std::string& send_to) {
  (void)impl_->ask({{"do", "bus"},
                    {"add", true},
                    {"name", name},
                    {"gain_db", db(volume_db)},
                    {"send_to", impl_->bus(send_to)}});
  impl_->learn_buses();
}

void AudioBackend::set_bus_volume(const std::string& name, double volume_db) {
  (void)impl_->ask({{"do", "bus"}, {"name", impl_->bus(name)}, {"gain_db", db(volume_db)}});
}

void AudioBackend::set_bus_mute(const std::string& name, bool mute) {
  (void)impl_->ask({{"do", "bus"}, {"name", impl_->bus(name)}, {"mute", mute}});
}

void AudioBackend::set_bus_solo(const std::string& name, bool solo) {
  (void)impl_->ask({{"do", "bus"}, {"name", impl_->bus(name)}, {"solo", solo}});
}

void AudioBackend::set_bus_send_to(const std::string& name, const std::string& parent) {
  (void)impl_->ask({{"do", "bus"}, {"name", impl_->bus(name)}, {"send_to", impl_->bus(parent)}});
}

double AudioBackend::get_effective_volume(const std::string& name) {
  const std::string known = impl_->bus(name);
  const json reply = impl_->ask({{"do", "buses"}});
  for (const json& one : reply.at("buses")) {
    if (one.at("name") == known) {
      return one.at("effective_db").get<double>();
    }
  }
  throw std::invalid_argument("the bus '" + name + "' is gone");
}

std::vector<std::string> AudioBackend::bus_names() {
  const std::lock_guard<std::mutex> lock(impl_->mutex);
  std::vector<std::string> all;
  for (const auto& [key, name] : impl_->names) {
    all.push_back(name);
  }
  return all;
}

}  // namespace avrig::simvx
