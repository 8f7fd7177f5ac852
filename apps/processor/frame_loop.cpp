// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "frame_loop.hpp"

#include "plugin_terms.hpp"
#include <avrig/error.hpp>
#include <avrig/monotonic.hpp>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace avrig::processor {
namespace {

using Next = InputSet::Next;

constexpr std::uint32_t kMostAgains = (1U << kOrdinalShift) - 1;

std::unique_ptr<InputFeed> make_feed(stage::StageIo& io,
                                     std::size_t index,
                                     const PortTerms& port,
                                     const Terms& terms,
                                     bool keeps_back) {
  const auto& quarantined = io.assignment().quarantined;
  return std::make_unique<InputFeed>(
      io.input(index),
      port,
      terms.history,
      keeps_back,
      index == 0 ? std::span<const std::uint64_t>(quarantined) : std::span<const std::uint64_t>());
}

}  // namespace

FrameLoop::FrameLoop(stage::StageIo& io,
                     const Terms& terms,
                     plugin::PluginInstance& instance,
                     Services& services,
                     std::function<void()> reconfigure)
    : io_(&io),
      terms_(&terms),
      instance_(&instance),
      services_(&services),
      reconfigure_(std::move(reconfigure)),
      inputs_(terms.trigger, terms.tolerance_ns, !io.assignment().live),
      // With several outputs, a step that reached one of them may still owe the others.
      keeps_back_(terms.output_entries > 1),
      live_(io.assignment().live),
      input_entries_(terms.input_entries, nullptr),
      frames_(terms.output_entries),
      output_entries_(terms.output_entries) {
  std::size_t index = 0;
  for (std::uint32_t p = 0; p < terms.inputs.size(); ++p) {
    if (terms.inputs[p].connected) {
      inputs_.add(make_feed(io, index++, terms.inputs[p], terms, keeps_back_), p);
      break_reason_.push_back(0);
    }
  }
  for (std::uint32_t p = 0; p < terms.outputs.size(); ++p) {
    outputs_.push_back(
        std::make_unique<OutputPort>(io.output(p), terms.outputs[p], terms.keep_outputs));
  }
}

void FrameLoop::run() {
  resume();
  while (!io_->abandoned()) {
    apply_orders();
    const bool has_room =
        live_ || std::all_of(outputs_.begin(), outputs_.end(), [](const auto& output) {
          return output->maker().ended() || output->maker().ready();
        });
    const Next next = has_room ? inputs_.next() : Next::Waiting;
    switch (next) {
      case Next::Step:
        step();
        break;
      case Next::Mark:
        on_mark();
        break;
      case Next::Quarantined:
        set_aside();
        break;
      case Next::Waiting:
        wait_for_work();
        break;
      case Next::Broken:
        throw Error(ErrorCode::Internal, "an input is damaged: its ring breaks its own rules");
      case Next::Ended:
        finish();
        return;
    }
  }
}

void FrameLoop::apply_orders() {
  if (io_->ordered()) {
    io_->apply_orders();
  }
}

// Where the newest output says. Without outputs, where the frames that are held begin.
void FrameLoop::resume() {
  const shm::Descriptor* newest = nullptr;
  for (const auto& output : outputs_) {
    const auto& last = output->maker().last();
    const auto place = [](const shm::Descriptor& d) {
      return std::pair(total(d.origin), d.part);
    };
    if (last && (newest == nullptr || place(*last) > place(*newest))) {
      newest = &*last;
    }
  }
  bool is_whole = true;
  const std::uint32_t bits =
      inputs_.size() == 1
          ? 64U
          : 64U / static_cast<std::uint32_t>(std::max<std::size_t>(inputs_.size(), 1));
  for (std::size_t index = 0; index < inputs_.size(); ++index) {
    InputFeed& feed = inputs_.feed(index);
    FeedPoint point{feed.follower().hold(), 0, 0};
    if (newest != nullptr) {
      feed.skip_to(newest->origin[index]);
      point.sequence = newest->origin_from[index];
      const auto packed = static_cast<std::uint64_t>(newest->source_position);
      point.offset = bits == 64 ? packed : packed >> (index * bits) & ((1ULL << bits) - 1);
    } else if (outputs_.empty() && terms_->inputs[inputs_.port(index)].block_samples == 0) {
      point.sequence = feed.follower().next();
    }
    is_whole = feed.start_at(point) && is_whole;
  }
  const bool goes_on = newest != nullptr || io_->assignment().generation > 0;
  if (goes_on && !outputs_.empty() && (!is_whole || (terms_->remembers_all && newest != nullptr))) {
    // What the plug-in knew cannot be brought back.
    io_->count("state lost");
    for (auto& output : outputs_) {
      output->mark_break();
    }
  }
}

void FrameLoop::wait_for_work() noexcept {
  inputs_.mark_idle();
  (void)io_->wait(io_->waiter(), [&] {
    const bool has_room =
        live_ || std::all_of(outputs_.begin(), outputs_.end(), [](const auto& output) {
          return output->maker().ended() || output->maker().ready();
        });
    return has_room && inputs_.ready();
  });
}

// --- one step ------------------------------------------------------------------------------------

void FrameLoop::step() {
  std::fill(input_entries_.begin(), input_entries_.end(), nullptr);
  first_ = nullptr;
  for (std::size_t index = 0; index < inputs_.size(); ++index) {
    if (!inputs_.steps(index)) {
      continue;
    }
    const auto entries = inputs_.feed(index).entries();
    std::copy(entries.begin(),
              entries.end(),
              input_entries_.begin() + terms_->inputs[inputs_.port(index)].first_entry);
    first_ = first_ == nullptr ? entries[0] : first_;
  }
  if (terms_->presents) {
    wait_until_due();
  }
  inputs_.mark_busy(monotonic_ns());
  tell_breaks();
  const std::uint32_t base = ordinal() << kOrdinalShift;
  std::uint32_t sub = 0;
  std::int32_t status = AVRIG_AGAIN;
  while (status == AVRIG_AGAIN && sub < kMostAgains && !io_->abandoned()) {
    status = call(false, sub, base);
  }
  if (io_->abandoned() && status == AVRIG_AGAIN) {
    return;  // not done with it: a successor would do it again
  }
  const bool failed = status == AVRIG_DROP || status == AVRIG_ERROR;
  const std::int64_t media_ns = first_->capture_ns;
  inputs_.consume(outputs_.empty() && failed);
  io_->page().frames_in.store(io_->page().frames_in.load(std::memory_order_relaxed) + 1,
                              std::memory_order_relaxed);
  if (outputs_.empty()) {
    io_->note_out(media_ns);
    inputs_.settle();
  } else if (status != AVRIG_MORE || sub > 0) {
    inputs_.settle();
  }
  inputs_.bound();
  if (inputs_.passed_over() > told_passed_over_) {
    io_->count("unpaired", static_cast<std::int64_t>(inputs_.passed_over() - told_passed_over_));
    told_passed_over_ = inputs_.passed_over();
  }
}

void FrameLoop::tell_breaks() noexcept {
  for (std::size_t index = 0; index < inputs_.size(); ++index) {
    if (!inputs_.steps(index)) {
      continue;
    }
    std::uint32_t reason = std::exchange(break_reason_[index], 0U);
    if (reason == 0 && (inputs_.feed(index).first().flags & AVRIG_FRAME_DISCONTINUITY) != 0) {
      reason = AVRIG_BREAK_GAP;
    }
    if (reason != 0 && instance_->discontinuity(inputs_.port(index), reason) == AVRIG_ERROR) {
      services_->note_failure(instance_->error_text());
    }
  }
}

// A live presentation: the gate says when.
void FrameLoop::wait_until_due() noexcept {
  const std::int64_t due_ns = inputs_.feed(inputs_.which()).due_ns();
  while (due_ns > monotonic_ns() && !io_->abandoned() && !io_->stopping()) {
    (void)io_->waiter().wait([&] { return io_->abandoned() || io_->stopping(); }, due_ns);
  }
}

std::uint32_t FrameLoop::ordinal() const noexcept {
  std::uint32_t sum = 0;
  for (std::size_t index = 0; index < inputs_.size(); ++index) {
    sum += inputs_.feed(index).progress(inputs_.steps(index)).ordinal;
  }
  return sum;
}

Commit FrameLoop::commit_of(bool unfinished, std::uint32_t part) const noexcept {
  Commit commit;
  commit.part = part;
  commit.more = unfinished;
  const std::size_t count = inputs_.size();
  const std::uint32_t bits = count < 2 ? 64U : 64U / static_cast<std::uint32_t>(count);
  std::uint64_t packed = 0;
  for (std::size_t index = 0; index < count; ++index) {
    const InputFeed& feed = inputs_.feed(index);
    const bool with_this = inputs_.steps(index) && !unfinished && !keeps_back_;
    const FeedPoint point = feed.resume_point(with_this);
    commit.origin[index] = feed.progress(inputs_.steps(index)).origin;
    commit.from[index] = point.sequence;
    packed |= bits == 64 ? point.offset : (point.offset & ((1ULL << bits) - 1)) << (index * bits);
    commit.more = commit.more || (inputs_.steps(index) && feed.has_more());
  }
  commit.position = static_cast<std::int64_t>(packed);
  return commit;
}

std::int32_t FrameLoop::call(bool draining, std::uint32_t& sub, std::uint32_t base) {
  if (!claim(base, sub, draining)) {
    return AVRIG_AGAIN;  // abandoned
  }
  avrig_call call{};
  call.struct_size = sizeof call;
  call.input_count = terms_->input_entries;
  call.output_count = terms_->output_entries;
  call.inputs = input_entries_.data();
  call.outputs = output_entries_.data();
  call.produced = ~std::uint64_t{0};
  std::int32_t status = draining ? instance_->drain(call) : instance_->process(call);
  const std::uint64_t all =
      terms_->output_entries == 64 ? ~std::uint64_t{0} : (1ULL << terms_->output_entries) - 1;
  if (status == AVRIG_OK && (call.produced & all) == 0 && !outputs_.empty() && sub == 0) {
    status = draining ? AVRIG_END : AVRIG_DROP;  // recorded, so that it is not tried again
  }
  if (status == AVRIG_ERROR) {
    services_->note_failure(instance_->error_text());
  }
  deliver(draining && (status == AVRIG_DROP || status == AVRIG_ERROR) ? AVRIG_END : status,
          sub,
          base,
          call.produced);
  return status;
}

// --- outputs -------------------------------------------------------------------------------------

bool FrameLoop::claim(std::uint32_t base, std::uint32_t sub, bool draining) {
  std::uint64_t sum = 0;
  for (std::size_t index = 0; index < inputs_.size(); ++index) {
    sum += inputs_.feed(index).progress(inputs_.steps(index)).origin;
  }
  for (auto& output : outputs_) {
    const PortTerms& port = output->terms();
    const bool is_known = output->has(sum, base + sub + port.entries - 1);
    for (std::uint32_t entry = port.first_entry; entry < port.first_entry + port.entries; ++entry) {
      OutputFrame& frame = frames_[entry];
      if (is_known || output->maker().ended()) {
        output->claim_private(frame);
      } else if (!output->try_claim(frame)) {
        if (output->maker().ring().live()) {
          output->claim_private(frame);
        } else {
          inputs_.mark_idle();
          while (!output->try_claim(frame)) {
            (void)io_->wait(io_->waiter(), [&] { return output->maker().ready(); });
            apply_orders();
            if (io_->abandoned()) {
              abandon_all();
              return false;
            }
          }
          inputs_.mark_busy(monotonic_ns());
        }
      }
      preset(frame, *output, entry - port.first_entry, sub, draining);
      output_entries_[entry] = &frame.answered;
    }
  }
  return true;
}

void FrameLoop::preset(OutputFrame& frame,
                       OutputPort& port,
                       std::uint32_t entry,
                       std::uint32_t sub,
                       bool draining) noexcept {
  avrig_frame& to = frame.preset;
  const bool is_audio = to.media == AVRIG_MEDIA_AUDIO;
  const bool continues = draining || (sub > 0 && is_audio);
  const avrig_frame& from = continues ? port.tail_stamps() : partner(entry);
  to.sequence = port.maker().head();
  to.capture_ns = from.capture_ns - (continues ? 0 : terms_->delay_ns);
  to.sigma_ns = from.sigma_ns;
  to.quality = from.quality;
  to.epoch = from.epoch;
  to.index = port.next_index();
  if (!draining) {
    to.flags = sub == 0 ? first_->flags : first_->flags & ~std::uint32_t{AVRIG_FRAME_DISCONTINUITY};
    const bool same_media = first_->media == to.media;
    to.duration_ns = first_->duration_ns;
    if (is_audio && same_media) {
      to.samples = std::min(to.samples, first_->samples);
    }
    if (to.media == AVRIG_MEDIA_VIDEO && same_media && sub == 0) {
      to.index = std::max(to.index, from.index);  // the picture's own number
    }
  }
  frame.answered = to;
}

// A batch that goes out as a batch keeps each frame's own stamps.
const avrig_frame& FrameLoop::partner(std::uint32_t entry) const noexcept {
  for (std::size_t index = 0; entry > 0 && index < inputs_.size(); ++index) {
    const auto entries = inputs_.feed(index).entries();
    if (inputs_.steps(index) && entries[0] == first_) {
      return entry < entries.size() && entries[entry] != nullptr ? *entries[entry] : *first_;
    }
  }
  return *first_;
}

void FrameLoop::abandon_all() noexcept {
  for (auto& output : outputs_) {
    const PortTerms& port = output->terms();
    for (std::uint32_t entry = port.first_entry; entry < port.first_entry + port.entries; ++entry) {
      output->abandon(frames_[entry]);
    }
  }
}

bool FrameLoop::wait_publish(OutputPort& port) noexcept {
  if (port.maker().may_publish()) {
    return true;
  }
  inputs_.mark_idle();
  while (!port.maker().may_publish()) {
    (void)io_->waiter().wait([&] { return io_->abandoned() || port.maker().may_publish(); },
                             stage::StageIo::kForever);
    if (io_->abandoned()) {
      return false;
    }
  }
  inputs_.mark_busy(monotonic_ns());
  return true;
}

void FrameLoop::deliver(std::int32_t status,
                        std::uint32_t& sub,
                        std::uint32_t base,
                        std::uint64_t produced) {
  const std::uint32_t first_sub = sub;
  std::uint32_t longest = 0;
  for (auto& output : outputs_) {
    const PortTerms& port = output->terms();
    const std::uint32_t end = port.first_entry + port.entries;
    std::uint32_t part = first_sub;
    if (status == AVRIG_DROP || status == AVRIG_ERROR) {
      for (std::uint32_t entry = port.first_entry; entry < end; ++entry) {
        output->abandon(frames_[entry]);
      }
      publish_empty(*output, commit_of(false, base + part++), shm::DropReason::Processor, false);
    }
    for (std::uint32_t entry = port.first_entry; entry < end; ++entry) {
      const bool goes_out =
          (status == AVRIG_OK || status == AVRIG_AGAIN) && (produced >> entry & 1U) != 0;
      if (goes_out) {
        const std::uint64_t later =
            entry + 1 < end ? (produced >> (entry + 1)) & ((1ULL << (end - entry - 1)) - 1) : 0;
        const bool unfinished = status == AVRIG_AGAIN || later != 0;
        publish(*output, frames_[entry], commit_of(unfinished, base + part++), false);
      } else {
        output->abandon(frames_[entry]);
      }
    }
    longest = std::max(longest, part - first_sub);
  }
  sub += longest;
  if (status == AVRIG_AGAIN && longest == 0) {
    ++sub;  // nothing came of it, but it must not go on for ever
  }
}

void FrameLoop::publish(OutputPort& port,
                        OutputFrame& frame,
                        const Commit& commit,
                        bool quarantined) {
  if (port.has(commit) || port.maker().ended()) {
    port.abandon(frame);
    return;
  }
  if (frame.buffer == shm::kNoBuffer) {  // a live maker found no buffer
    port.maker().count_overrun();
    port.publish_empty(commit, port.accepted(frame), shm::DropReason::NoBuffer, false);
    port.mark_break();
    return;
  }
  if (!wait_publish(port)) {
    port.abandon(frame);
    return;
  }
  const std::int64_t capture_ns = frame.answered.capture_ns;
  frame.preset.index = std::max(frame.preset.index, port.next_index());
  port.publish(frame, commit, quarantined);
  io_->note_out(capture_ns);
}

void FrameLoop::publish_empty(OutputPort& port,
                              const Commit& commit,
                              shm::DropReason reason,
                              bool quarantined) {
  avrig_frame stamps = *first_;
  stamps.capture_ns -= terms_->delay_ns;
  if (!port.has(commit) && !port.maker().ended() && wait_publish(port)) {
    port.publish_empty(commit, stamps, reason, quarantined);
  }
}

}  // namespace avrig::processor
