// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "probe_file.hpp"

#include <avrig/error.hpp>
#include <avrig/media/decoder.hpp>
#include <avrig/media/demuxer.hpp>
#include <avrig/media/formats.hpp>
#include <avrig/media/frame_layout.hpp>
#include <avrig/media/picture_converter.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace avrig::probe {

namespace {

/// Whether marks can be read in these pictures as they are.
bool can_read(std::string_view pixel_format) {
  const std::string all = "," + std::string(marks::kPixelFormats) + ",";
  return all.find("," + std::string(pixel_format) + ",") != std::string::npos;
}

/// One stream of the file on its way into the probe.
class Track {
 public:
  Track(const media::StreamInfo& stream, AvProbe& probe) : decoder_(stream), probe_(probe) {}

  void take(const media::Packet& packet) {
    while (decoder_.send(packet) == media::DecodeStatus::Again) {
      fetch();
    }
    fetch();
  }

  void finish() {
    static_cast<void>(decoder_.send_end());
    fetch();
  }

 private:
  void fetch() {
    media::MediaFrame frame;
    for (;;) {
      const media::DecodeStatus status = decoder_.receive(frame);
      if (status == media::DecodeStatus::Corrupt) {
        continue;
      }
      if (status != media::DecodeStatus::Ok) {
        return;
      }
      if (frame.media() == AVRIG_MEDIA_VIDEO) {
        add_picture(frame);
      } else {
        add_sound(frame);
      }
    }
  }

  void add_picture(const media::MediaFrame& frame) {
    const avrig_format format = frame.format();
    const media::FrameLayout layout = media::FrameLayout::of(format);
    memory_.resize(layout.total_bytes);
    // A copy, since a decoder's picture may lie upside down in its memory.
    frame.copy_picture(layout, memory_.data());
    avrig_frame view{};
    layout.bind(view, memory_.data());
    view.capture_ns = frame.pts_ns().value_or(0);
    if (can_read(format.pixel_format)) {
      probe_.add_picture(view, format);
    } else {
      add_converted(view, format);
    }
  }

  void add_converted(const avrig_frame& view, const avrig_format& format) {
    const avrig_format gray = media::video_format("gray", format.width, format.height);
    const media::FrameLayout layout = media::FrameLayout::of(gray);
    if (!converter_) {
      converter_.emplace(format, gray);
      gray_.resize(layout.total_bytes + 64);
    }
    avrig_frame converted{};
    layout.bind(converted, gray_.data());
    converter_->convert(view.plane, converted.plane);
    converted.capture_ns = view.capture_ns;
    probe_.add_picture(converted, gray);
  }

  void add_sound(const media::MediaFrame& frame) {
    const media::FrameLayout layout =
        media::FrameLayout::of_audio(frame.channels(), frame.samples());
    memory_.resize(layout.total_bytes);
    frame.copy_samples(0,
                       frame.samples(),
                       static_cast<float*>(static_cast<void*>(memory_.data())),
                       layout.plane[0].stride_bytes);
    avrig_frame view{};
    layout.bind(view, memory_.data());
    view.media = AVRIG_MEDIA_AUDIO;
    view.samples = frame.samples();
    view.capture_ns = frame.pts_ns().value_or(0);
    probe_.add_sound(view, frame.format());
  }

  media::Decoder decoder_;
  AvProbe& probe_;
  std::optional<media::PictureConverter> converter_;
  std::vector<std::byte> memory_;
  std::vector<std::byte> gray_;
};

}  // namespace

Summary probe_file(const std::string& path) {
  media::Demuxer demuxer(path);
  AvProbe probe;
  std::vector<std::optional<Track>> tracks(demuxer.streams().size());
  for (const std::uint32_t medium : {AVRIG_MEDIA_VIDEO, AVRIG_MEDIA_AUDIO}) {
    if (const auto best = demuxer.best_stream(medium)) {
      const media::StreamInfo& stream = demuxer.streams()[static_cast<std::size_t>(*best)];
      if (medium == AVRIG_MEDIA_VIDEO &&
          !marks::mark_place(stream.format.width, stream.format.height, "top-left")) {
        throw Error(ErrorCode::Open,
                    "cannot probe '" + path + "': its pictures are too small for a mark");
      }
      tracks[static_cast<std::size_t>(*best)].emplace(stream, probe);
    }
  }
  media::Packet packet;
  while (demuxer.read(packet) == media::ReadStatus::Packet) {
    auto& track = tracks[static_cast<std::size_t>(packet.stream())];
    if (track) {
      track->take(packet);
    }
  }
  for (auto& track : tracks) {
    if (track) {
      track->finish();
    }
  }
  probe.finish();
  return probe.summary();
}

}  // namespace avrig::probe
