// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors

/// The plug-in ABI 1.0, pinned. A line that must change here is a new major version; a line that is
/// added is a new minor one.
#include <avrig/plugin.h>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <type_traits>

#include <doctest/doctest.h>

extern "C" const std::uint64_t kAbiSizesInC[12];

#define PIN(type, field, offset) static_assert(offsetof(type, field) == (offset))

static_assert(AVRIG_PLUGIN_MAGIC == 0x41565247 && AVRIG_ABI_MAJOR == 1 && AVRIG_ABI_MINOR == 0);
static_assert(AVRIG_MAX_PORTS == 16 && AVRIG_MAX_CALL_FRAMES == 64);
static_assert(AVRIG_READER == 1 && AVRIG_PROCESSOR == 2 && AVRIG_WRITER == 3);
static_assert(AVRIG_OK == 0 && AVRIG_DROP == 1 && AVRIG_MORE == 2 && AVRIG_AGAIN == 3 &&
              AVRIG_END == 4 && AVRIG_ERROR == -1);
static_assert(AVRIG_MAKER == 0 && AVRIG_EDITOR == 1 && AVRIG_LOOKER == 2);
static_assert(AVRIG_HEAL_NONE == 0 && AVRIG_HEAL_RERUN == 1 && AVRIG_HEAL_UNDO == 2);
static_assert(AVRIG_TRIGGER_ALL == 0 && AVRIG_TRIGGER_ANY == 1 && AVRIG_TRIGGER_PAIRED == 2);
static_assert(AVRIG_TRAIT_LIVE == 1 && AVRIG_TRAIT_PRESENTS == 2 && AVRIG_PORT_OPTIONAL == 1);
static_assert(AVRIG_PARAMETER_LIVE == 1 && AVRIG_PARAMETER_REQUIRED == 2);
static_assert(AVRIG_HOST_OFFLINE == 1);
static_assert(AVRIG_LOG_DEBUG == 0 && AVRIG_LOG_INFO == 1 && AVRIG_LOG_WARNING == 2 &&
              AVRIG_LOG_ERROR == 3);
static_assert(AVRIG_BREAK_GAP == 1 && AVRIG_BREAK_EPOCH == 2 && AVRIG_BREAK_SOURCE == 3);
static_assert(AVRIG_MEDIA_NONE == 0 && AVRIG_MEDIA_AUDIO == 1 && AVRIG_MEDIA_VIDEO == 2 &&
              AVRIG_MEDIA_FEATURES == 3 && AVRIG_MEDIA_PACKETS == 4);
static_assert(AVRIG_QUALITY_NONE == 0 && AVRIG_QUALITY_DEVICE == 1 && AVRIG_QUALITY_KERNEL == 2 &&
              AVRIG_QUALITY_FILE_PTS == 3 && AVRIG_QUALITY_ARRIVAL == 4);
static_assert(AVRIG_FRAME_DISCONTINUITY == 1 && AVRIG_FRAME_UNPROCESSED == 2 &&
              AVRIG_FRAME_QUARANTINED == 4 && AVRIG_FRAME_KEY == 8 && AVRIG_FRAME_HELD == 16 &&
              AVRIG_FRAME_SILENCE == 32 && AVRIG_FRAME_LATE == 64);
static_assert(AVRIG_MAX_PLANES == 4 && AVRIG_MAX_CHANNELS == 64);

PIN(avrig_plane, data, 0);
PIN(avrig_plane, size_bytes, 8);
PIN(avrig_plane, stride_bytes, 16);
PIN(avrig_plane, rows, 20);
static_assert(sizeof(avrig_plane) == 24);

PIN(avrig_frame, struct_size, 0);
PIN(avrig_frame, media, 4);
PIN(avrig_frame, sequence, 8);
PIN(avrig_frame, capture_ns, 16);
PIN(avrig_frame, sigma_ns, 24);
PIN(avrig_frame, duration_ns, 32);
PIN(avrig_frame, index, 40);
PIN(avrig_frame, epoch, 48);
PIN(avrig_frame, quality, 56);
PIN(avrig_frame, flags, 60);
PIN(avrig_frame, samples, 64);
PIN(avrig_frame, planes, 68);
PIN(avrig_frame, plane, 72);
static_assert(sizeof(avrig_frame) == 168);

PIN(avrig_format, struct_size, 0);
PIN(avrig_format, media, 4);
PIN(avrig_format, sample_rate_hz, 8);
PIN(avrig_format, channels, 12);
PIN(avrig_format, block_samples, 16);
PIN(avrig_format, columns, 20);
PIN(avrig_format, channel_mask, 24);
PIN(avrig_format, width, 32);
PIN(avrig_format, height, 36);
PIN(avrig_format, pixel_format, 40);
PIN(avrig_format, frame_rate_num, 56);
PIN(avrig_format, frame_rate_den, 60);
PIN(avrig_format, sample_aspect_num, 64);
PIN(avrig_format, sample_aspect_den, 68);
PIN(avrig_format, color_range, 72);
PIN(avrig_format, color_space, 76);
PIN(avrig_format, color_primaries, 80);
PIN(avrig_format, color_transfer, 84);
PIN(avrig_format, max_rows, 88);
PIN(avrig_format, max_packet_bytes, 92);
PIN(avrig_format, codec, 96);
PIN(avrig_format, column_names, 128);
static_assert(sizeof(avrig_format) == 640);

PIN(avrig_host, struct_size, 0);
PIN(avrig_host, flags, 4);
PIN(avrig_host, context, 8);
PIN(avrig_host, stage_id, 16);
PIN(avrig_host, run_folder, 24);
PIN(avrig_host, log, 32);
PIN(avrig_host, set_error, 40);
PIN(avrig_host, now_ns, 48);
PIN(avrig_host, count, 56);
static_assert(sizeof(avrig_host) == 64);

PIN(avrig_parameter, struct_size, 0);
PIN(avrig_parameter, flags, 4);
PIN(avrig_parameter, name, 8);
PIN(avrig_parameter, type, 16);
PIN(avrig_parameter, default_value, 24);
PIN(avrig_parameter, minimum, 32);
PIN(avrig_parameter, maximum, 40);
PIN(avrig_parameter, choices, 48);
PIN(avrig_parameter, unit, 56);
PIN(avrig_parameter, doc, 64);
static_assert(sizeof(avrig_parameter) == 72);

PIN(avrig_setting, struct_size, 0);
PIN(avrig_setting, name, 8);
PIN(avrig_setting, value, 16);
static_assert(sizeof(avrig_setting) == 24);

PIN(avrig_port, struct_size, 0);
PIN(avrig_port, media, 4);
PIN(avrig_port, name, 8);
PIN(avrig_port, pixel_formats, 16);
PIN(avrig_port, sample_rates, 24);
PIN(avrig_port, channels, 32);
PIN(avrig_port, flags, 40);
PIN(avrig_port, block, 44);
static_assert(sizeof(avrig_port) == 48);

PIN(avrig_traits, struct_size, 0);
PIN(avrig_traits, work, 4);
PIN(avrig_traits, heal, 8);
PIN(avrig_traits, trigger, 12);
PIN(avrig_traits, tolerance_ns, 16);
PIN(avrig_traits, flags, 24);
PIN(avrig_traits, input_count, 28);
PIN(avrig_traits, output_count, 32);
PIN(avrig_traits, inputs, 40);
PIN(avrig_traits, outputs, 48);
static_assert(sizeof(avrig_traits) == 56);

PIN(avrig_configuration, struct_size, 0);
PIN(avrig_configuration, input_count, 4);
PIN(avrig_configuration, output_count, 8);
PIN(avrig_configuration, max_outputs, 12);
PIN(avrig_configuration, inputs, 16);
PIN(avrig_configuration, outputs, 24);
PIN(avrig_configuration, delay_ns, 32);
PIN(avrig_configuration, delay_samples, 40);
PIN(avrig_configuration, history, 48);
PIN(avrig_configuration, tail, 52);
PIN(avrig_configuration, keep_outputs, 56);
PIN(avrig_configuration, undo_x, 60);
PIN(avrig_configuration, undo_y, 64);
PIN(avrig_configuration, undo_width, 68);
PIN(avrig_configuration, undo_height, 72);
static_assert(sizeof(avrig_configuration) == 80);

PIN(avrig_call, struct_size, 0);
PIN(avrig_call, input_count, 4);
PIN(avrig_call, output_count, 8);
PIN(avrig_call, inputs, 16);
PIN(avrig_call, outputs, 24);
PIN(avrig_call, produced, 32);
PIN(avrig_call, wait_ns, 40);
static_assert(sizeof(avrig_call) == 48);

PIN(avrig_component, struct_size, 0);
PIN(avrig_component, role, 4);
PIN(avrig_component, name, 8);
PIN(avrig_component, summary, 16);
PIN(avrig_component, parameters, 24);
PIN(avrig_component, parameter_count, 32);
PIN(avrig_component, create, 40);
PIN(avrig_component, describe, 48);
PIN(avrig_component, configure, 56);
PIN(avrig_component, start, 64);
PIN(avrig_component, process, 72);
PIN(avrig_component, drain, 80);
PIN(avrig_component, discontinuity, 88);
PIN(avrig_component, stop, 96);
PIN(avrig_component, set_parameter, 104);
PIN(avrig_component, destroy, 112);
static_assert(sizeof(avrig_component) == 120);

PIN(avrig_plugin_descriptor, struct_size, 0);
PIN(avrig_plugin_descriptor, abi_major, 4);
PIN(avrig_plugin_descriptor, abi_minor, 8);
PIN(avrig_plugin_descriptor, magic, 12);
PIN(avrig_plugin_descriptor, component_count, 16);
PIN(avrig_plugin_descriptor, components, 24);
PIN(avrig_plugin_descriptor, version, 32);
static_assert(sizeof(avrig_plugin_descriptor) == 40);

namespace {

template <class... T>
constexpr bool kStandardLayout = (std::is_standard_layout_v<T> && ...) &&
                                 (std::is_trivially_copyable_v<T> && ...);

void throws(void* /*self*/) {}
void does_not_throw(void* /*self*/) noexcept {}

}  // namespace

TEST_SUITE("core/plugin/abi") {
  TEST_CASE("plug-in ABI: C and C++ see structs of the same sizes") {
    const std::uint64_t in_cpp[] = {sizeof(avrig_plane),
                                    sizeof(avrig_frame),
                                    sizeof(avrig_format),
                                    sizeof(avrig_host),
                                    sizeof(avrig_parameter),
                                    sizeof(avrig_setting),
                                    sizeof(avrig_port),
                                    sizeof(avrig_traits),
                                    sizeof(avrig_configuration),
                                    sizeof(avrig_call),
                                    sizeof(avrig_component),
                                    sizeof(avrig_plugin_descriptor)};
    for (std::size_t i = 0; i < std::size(in_cpp); ++i) {
      CHECK(kAbiSizesInC[i] == in_cpp[i]);
    }
  }

  TEST_CASE("plug-in ABI: its structs are plain bytes, and a call that may throw does not fit") {
    static_assert(kStandardLayout<avrig_frame, avrig_format, avrig_host, avrig_parameter>);
    static_assert(kStandardLayout<avrig_setting, avrig_port, avrig_traits, avrig_configuration>);
    static_assert(kStandardLayout<avrig_call, avrig_component, avrig_plugin_descriptor>);
    using Destroy = decltype(avrig_component::destroy);
    CHECK(std::is_convertible_v<decltype(&does_not_throw), Destroy>);
    CHECK_FALSE(std::is_convertible_v<decltype(&throws), Destroy>);
  }
}
