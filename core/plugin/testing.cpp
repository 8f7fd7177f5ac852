// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/monotonic.hpp>
#include <avrig/plugin/checks.hpp>
#include <avrig/plugin/loader.hpp>
#include <avrig/testing.hpp>

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace avrig::testing {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
// A plug-in that says AGAIN for ever must fail a test, not hang it.
constexpr int kMostAgains = 100'000;

using Stream = std::vector<Frame>;
/// The frames of one call, entry by entry; null = absent.
using Step = std::vector<const Frame*>;

std::int64_t samples_to_ns(std::int64_t samples, std::uint32_t rate_hz) noexcept {
  return rate_hz == 0 ? 0 : samples * kSecond / rate_hz;
}

/// The same samples in frames of exactly `block`; the last may be shorter.
Stream reblock(const Stream& frames, std::uint32_t block) {
  Stream out;
  if (frames.empty()) {
    return out;
  }
  avrig_format format = frames.front().format();
  format.block_samples = block;
  std::uint32_t filled = block;
  for (const Frame& frame : frames) {
    for (std::uint32_t s = 0; s < frame.raw().samples; ++s) {
      if (filled == block) {
        out.emplace_back(format);
        filled = 0;
        const std::int64_t offset_ns = samples_to_ns(s, format.sample_rate_hz);
        avrig_frame& raw = out.back().raw();
        raw.capture_ns = frame.raw().capture_ns + offset_ns;
        raw.sigma_ns = frame.raw().sigma_ns;
        raw.quality = frame.raw().quality;
        raw.epoch = frame.raw().epoch;
        raw.index = frame.raw().index + s;
        raw.sequence = out.size() - 1;
      }
      for (std::uint32_t c = 0; c < format.channels; ++c) {
        out.back().channel(c)[filled] = frame.channel(c)[s];
      }
      ++filled;
    }
  }
  out.back().raw().samples = filled;
  out.back().raw().duration_ns = samples_to_ns(filled, format.sample_rate_hz);
  return out;
}

/// The streams as the plug-in gets them, and how many entries each port has in a call.
struct Feed {
  std::vector<Stream> streams;
  std::vector<std::uint32_t> batch;
  std::vector<std::size_t> next;

  [[nodiscard]] bool has(std::size_t port) const { return next[port] < streams[port].size(); }
  [[nodiscard]] const Frame& head(std::size_t port) const { return streams[port][next[port]]; }

  /// Takes one batch of `port` into its entries of the step.
  void take(std::size_t port, Step& step) {
    std::size_t first = 0;
    for (std::size_t p = 0; p < port; ++p) {
      first += batch[p];
    }
    for (std::uint32_t k = 0; k < batch[port] && has(port); ++k) {
      step[first + k] = &streams[port][next[port]++];
    }
  }
};

Feed make_feed(const avrig_traits& traits, const std::vector<Stream>& inputs) {
  Feed feed;
  for (std::uint32_t p = 0; p < traits.input_count; ++p) {
    const avrig_port& port = plugin::port_at(traits.inputs, p);
    const bool audio = !inputs[p].empty() && inputs[p][0].format().media == AVRIG_MEDIA_AUDIO;
    feed.streams.push_back(audio && port.block > 0 ? reblock(inputs[p], port.block) : inputs[p]);
    feed.batch.push_back(audio ? 1 : std::max(1U, port.block));
    feed.next.push_back(0);
  }
  return feed;
}

/// `all`: one of each. Empty = nothing more to give.
std::optional<Step> next_all(Feed& feed, Step step) {
  for (std::size_t p = 0; p < feed.streams.size(); ++p) {
    if (!feed.has(p)) {
      return std::nullopt;
    }
  }
  for (std::size_t p = 0; p < feed.streams.size(); ++p) {
    feed.take(p, step);
  }
  return step;
}

/// `any`: the earliest, ties by port.
std::optional<Step> next_any(Feed& feed, Step step) {
  std::optional<std::size_t> first;
  for (std::size_t p = 0; p < feed.streams.size(); ++p) {
    if (feed.has(p) &&
        (!first || feed.head(p).raw().capture_ns < feed.head(*first).raw().capture_ns)) {
      first = p;
    }
  }
  if (!first) {
    return std::nullopt;
  }
  feed.take(*first, step);
  return step;
}

/// `paired`: heads no farther apart than the tolerance; the earliest is passed over until they are.
std::optional<Step> next_paired(Feed& feed, const Step& step, std::int64_t tolerance_ns) {
  for (;;) {
    std::size_t first = 0;
    std::int64_t latest = INT64_MIN;
    for (std::size_t p = 0; p < feed.streams.size(); ++p) {
      if (!feed.has(p)) {
        return std::nullopt;
      }
      latest = std::max(latest, feed.head(p).raw().capture_ns);
      if (feed.head(p).raw().capture_ns < feed.head(first).raw().capture_ns) {
        first = p;
      }
    }
    if (latest - feed.head(first).raw().capture_ns <= tolerance_ns) {
      return next_all(feed, step);
    }
    ++feed.next[first];
  }
}

std::optional<Step> next_step(Feed& feed, const avrig_traits& traits) {
  std::size_t entries = 0;
  for (const std::uint32_t each : feed.batch) {
    entries += each;
  }
  const Step empty(entries, nullptr);
  switch (traits.trigger) {
    case AVRIG_TRIGGER_ANY:
      return next_any(feed, empty);
    case AVRIG_TRIGGER_PAIRED:
      return next_paired(feed, empty, traits.tolerance_ns);
    default:
      return next_all(feed, empty);
  }
}

class Collector final : public plugin::HostServices {
 public:
  void log(std::uint32_t, std::string_view text) noexcept override { lines.emplace_back(text); }
  [[nodiscard]] std::int64_t now_ns() noexcept override { return monotonic_ns(); }
  void count(const char* name, std::uint64_t n) noexcept override { counters[name] += n; }

  std::vector<std::string> lines;
  std::map<std::string, std::uint64_t> counters;
};

}  // namespace

class Rig::Impl {
 public:
  Impl(const avrig_component& component, const std::vector<Setting>& given)
      : instance_(component,
                  services_,
                  {.stage_id = component.name, .run_folder = "", .offline = true},
                  plugin::complete_settings(component, given)) {
    traits_ = instance_.describe();
  }

  Outcome run(const std::vector<Stream>& inputs, const std::vector<avrig_format>& wanted) {
    begin(inputs, wanted);
    Feed feed = make_feed(traits_, inputs);
    while (const auto step = next_step(feed, traits_)) {
      tell_breaks(*step, feed);
      process(*step);
    }
    drain();
    return finish();
  }

  Outcome read(std::size_t most_calls, const std::vector<avrig_format>& wanted) {
    begin({}, wanted);
    for (std::size_t i = 0; i < most_calls && !outcome_.ended; ++i) {
      process({});
    }
    return finish();
  }

  const avrig_traits& traits() const noexcept { return traits_; }
  const avrig_configuration& configuration() const noexcept { return configuration_; }
  plugin::PluginInstance& instance() noexcept { return instance_; }

 private:
  void begin(const std::vector<Stream>& inputs, const std::vector<avrig_format>& wanted) {
    if (inputs.size() != traits_.input_count) {
      throw std::logic_error("the plug-in has " + std::to_string(traits_.input_count) +
                             " inputs, not " + std::to_string(inputs.size()));
    }
    outcome_ = {};
    outcome_.outputs.resize(traits_.output_count);
    written_.assign(traits_.output_count, 0);
    input_formats_.clear();
    std::vector<const avrig_format*> list;
    input_formats_.reserve(inputs.size());
    for (std::uint32_t p = 0; p < inputs.size(); ++p) {
      list.push_back(inputs[p].empty() ? nullptr
                                       : &input_formats_.emplace_back(offered(inputs, p)));
    }
    output_formats_ = wanted;
    output_formats_.resize(traits_.output_count);
    configuration_ = instance_.configure(list, output_formats_);
    tail_capture_ns_ = 0;
    instance_.start();
  }

  avrig_format offered(const std::vector<Stream>& inputs, std::uint32_t p) const {
    avrig_format format = inputs[p][0].format();
    const std::uint32_t block = plugin::port_at(traits_.inputs, p).block;
    if (format.media == AVRIG_MEDIA_AUDIO && block > 0) {
      format.block_samples = block;
    }
    return format;
  }

  void tell_breaks(const Step& step, const Feed& feed) {
    std::size_t entry = 0;
    for (std::uint32_t p = 0; p < feed.batch.size(); entry += feed.batch[p++]) {
      const Frame* const frame = step[entry];
      if (frame != nullptr && (frame->raw().flags & AVRIG_FRAME_DISCONTINUITY) != 0) {
        note(instance_.discontinuity(p, AVRIG_BREAK_GAP));
      }
    }
  }

  void process(const Step& step) {
    Stream inputs;  // copies, so that a write into one is seen
    for (const Frame* const frame : step) {
      if (frame != nullptr) {
        inputs.push_back(*frame);
      }
    }
    std::vector<const avrig_frame*> entries;
    std::size_t at = 0;
    for (const Frame* const frame : step) {
      entries.push_back(frame == nullptr ? nullptr : &inputs[at++].raw());
    }
    const bool edits = traits_.work == AVRIG_EDITOR;
    begin_stamps(entries);
    for (int again = 0;; ++again) {
      ++outcome_.calls;
      const std::int32_t status = edits ? edit(inputs[0], entries) : make(entries, false);
      if (!edits) {
        check_inputs(step, inputs);
      }
      if (status != AVRIG_AGAIN) {
        return;
      }
      if (again == kMostAgains) {
        throw std::logic_error("the plug-in says Again for ever");
      }
    }
  }

  void begin_stamps(const std::vector<const avrig_frame*>& entries) {
    const auto present =
        std::ranges::find_if(entries, [](auto* frame) { return frame != nullptr; });
    preset_ = {};
    if (present == entries.end()) {
      return;
    }
    preset_ = **present;
    preset_.capture_ns -= plugin::total_delay_ns(configuration_);
  }

  std::int32_t edit(Frame& frame, const std::vector<const avrig_frame*>& entries) {
    avrig_frame* const output = &frame.raw();
    const avrig_frame before = frame.raw();
    avrig_call call = make_call(entries, {&output, 1});
    const std::int32_t status = note(instance_.process(call));
    frame.raw() = before;  // an editor's stamps are its input's
    if (!frame.guards_intact()) {
      throw std::logic_error("the plug-in wrote outside its frame");
    }
    if (status == AVRIG_AGAIN || status == AVRIG_MORE) {
      throw std::logic_error("an editor gives exactly one frame for each");
    }
    if (status == AVRIG_OK) {
      outcome_.outputs[0].push_back(frame);
    }
    return status;
  }

  std::int32_t make(const std::vector<const avrig_frame*>& entries, bool draining) {
    Stream claimed;
    std::vector<std::uint32_t> ports;
    claim(claimed, ports);
    std::vector<avrig_frame*> outputs;
    for (Frame& frame : claimed) {
      outputs.push_back(&frame.raw());
    }
    std::vector<avrig_frame> presets;
    for (const Frame& frame : claimed) {
      presets.push_back(frame.raw());
    }
    avrig_call call = make_call(entries, outputs);
    const std::int32_t status = note(draining ? instance_.drain(call) : instance_.process(call));
    if (status == AVRIG_OK || status == AVRIG_AGAIN) {
      for (std::size_t i = 0; i < claimed.size(); ++i) {
        check_output(claimed[i]);
        claimed[i].raw() = plugin::accept_frame(presets[i], claimed[i].raw(), room_of(claimed[i]));
        if ((call.produced >> i & 1U) != 0) {
          publish(std::move(claimed[i]), ports[i]);
        }
      }
    }
    return status;
  }

  void claim(Stream& claimed, std::vector<std::uint32_t>& ports) {
    for (std::uint32_t p = 0; p < traits_.output_count; ++p) {
      const avrig_port& port = plugin::port_at(traits_.outputs, p);
      const std::uint32_t batch = port.media == AVRIG_MEDIA_AUDIO ? 1 : std::max(1U, port.block);
      for (std::uint32_t k = 0; k < batch; ++k) {
        Frame& frame = claimed.emplace_back(output_formats_[p]);
        frame.fill(std::byte{0xA5});  // what a ring's buffer held before is not zero either
        avrig_frame& raw = frame.raw();
        raw.capture_ns = preset_.capture_ns;
        raw.sigma_ns = preset_.sigma_ns;
        raw.quality = preset_.quality;
        raw.epoch = preset_.epoch;
        raw.flags = preset_.flags;
        raw.sequence = outcome_.outputs[p].size();
        raw.index = written_[p];
        if (preset_.media == raw.media && raw.media == AVRIG_MEDIA_AUDIO) {
          raw.samples = std::min(preset_.samples, raw.samples);
        }
        ports.push_back(p);
      }
    }
  }

  static std::uint32_t room_of(const Frame& frame) { return Frame(frame.format()).raw().samples; }

  static void check_output(const Frame& frame) {
    if (!frame.guards_intact()) {
      throw std::logic_error("the plug-in wrote outside its frame");
    }
    if (frame.raw().samples > room_of(frame)) {
      throw std::logic_error("the plug-in set more samples than its frame holds");
    }
  }

  static void check_inputs(const Step& step, const Stream& inputs) {
    std::size_t at = 0;
    for (const Frame* const frame : step) {
      if (frame != nullptr && !frame->same_bytes(inputs[at++])) {
        throw std::logic_error("the plug-in wrote into its input, which is read-only");
      }
    }
  }

  void publish(Frame&& frame, std::uint32_t port) {
    avrig_frame& raw = frame.raw();
    const std::uint32_t rate_hz = frame.format().sample_rate_hz;
    if (raw.media == AVRIG_MEDIA_AUDIO) {
      raw.duration_ns = samples_to_ns(raw.samples, rate_hz);
    }
    if (raw.quality == AVRIG_QUALITY_NONE && traits_.input_count == 0) {
      stamp(raw, frame.format(), port);
    }
    written_[port] += raw.media == AVRIG_MEDIA_AUDIO ? raw.samples : 1;
    // A further output of the same input begins where this one ends.
    preset_.capture_ns =
        raw.media == AVRIG_MEDIA_AUDIO ? raw.capture_ns + raw.duration_ns : preset_.capture_ns;
    tail_capture_ns_ = raw.capture_ns + raw.duration_ns;
    outcome_.outputs[port].push_back(std::move(frame));
  }

  void stamp(avrig_frame& raw, const avrig_format& format, std::uint32_t port) {
    if ((traits_.flags & AVRIG_TRAIT_LIVE) != 0) {
      raw.capture_ns = monotonic_ns();
      raw.quality = AVRIG_QUALITY_ARRIVAL;
      return;
    }
    raw.quality = AVRIG_QUALITY_FILE_PTS;
    raw.capture_ns = raw.media == AVRIG_MEDIA_AUDIO
                         ? samples_to_ns(written_[port], format.sample_rate_hz)
                         : written_[port] * raw.duration_ns;
  }

  static avrig_call make_call(std::span<const avrig_frame* const> inputs,
                              std::span<avrig_frame* const> outputs) {
    return {.struct_size = sizeof(avrig_call),
            .input_count = static_cast<std::uint32_t>(inputs.size()),
            .output_count = static_cast<std::uint32_t>(outputs.size()),
            .reserved = 0,
            .inputs = inputs.data(),
            .outputs = outputs.data(),
            .produced =
                outputs.size() >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << outputs.size()) - 1,
            .wait_ns = 0};
  }

  std::int32_t note(std::int32_t status) {
    outcome_.dropped += status == AVRIG_DROP ? 1 : 0;
    outcome_.ended = outcome_.ended || status == AVRIG_END;
    if (status == AVRIG_ERROR) {
      ++outcome_.failed;
      outcome_.error = instance_.error_text();
    }
    return status;
  }

  void drain() {
    if (traits_.output_count == 0 || traits_.work == AVRIG_EDITOR) {
      return;
    }
    const bool ended = outcome_.ended;
    preset_ = {};
    preset_.capture_ns = tail_capture_ns_;
    for (int again = 0; make({}, true) == AVRIG_AGAIN; ++again) {
      if (again == kMostAgains) {
        throw std::logic_error("the plug-in's tail has no end");
      }
    }
    outcome_.ended = ended;
  }

  Outcome finish() {
    instance_.stop();
    outcome_.counters = services_.counters;
    outcome_.log = services_.lines;
    return std::move(outcome_);
  }

  Collector services_;
  plugin::PluginInstance instance_;
  avrig_traits traits_{};
  avrig_configuration configuration_{};
  std::vector<avrig_format> input_formats_;
  std::vector<avrig_format> output_formats_;
  std::vector<std::int64_t> written_;  // samples or frames, by port
  avrig_frame preset_{};
  std::int64_t tail_capture_ns_ = 0;
  Outcome outcome_;
};

namespace {

const avrig_component& load_component(std::string_view reference, std::uint32_t role) {
  const plugin::Reference parsed = plugin::parse_reference(reference);
  return plugin::PluginLibrary::load(plugin::find_library(parsed))
      .component(role, parsed.component);
}

}  // namespace

Rig::Rig(const avrig_component& component, const std::vector<Setting>& given)
    : impl_(std::make_unique<Impl>(component, given)) {}
Rig::Rig(std::string_view reference, const std::vector<Setting>& given, std::uint32_t role)
    : Rig(load_component(reference, role), given) {}
Rig::~Rig() = default;

const avrig_traits& Rig::traits() const noexcept {
  return impl_->traits();
}
const avrig_configuration& Rig::configuration() const noexcept {
  return impl_->configuration();
}
plugin::PluginInstance& Rig::instance() noexcept {
  return impl_->instance();
}

Outcome Rig::run(const std::vector<Stream>& inputs, const std::vector<avrig_format>& wanted) {
  return impl_->run(inputs, wanted);
}

Outcome Rig::read(std::size_t most_calls, const std::vector<avrig_format>& wanted) {
  return impl_->read(most_calls, wanted);
}

}  // namespace avrig::testing
