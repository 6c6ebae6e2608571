#pragma once
/// \file
/// Real machines and links by name, from their makers' figures: a starting point where nothing has been measured yet.
///
/// Speeds are peaks of dense f32 arithmetic. What a backend reaches is a share of that (measure it: `dispart probe`, or
/// state it: the efficiencies of `roofline`). Prices are left out, since they differ by place and day.

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/cluster/graph.hpp"
#include "dispart/core/result.hpp"

namespace dispart {

/// One machine of the catalogue, as its maker describes it.
struct catalogue_machine {
    std::string_view name;
    std::string_view kind;   ///< board, gpu, laptop, phone, server, microcontroller
    double gflops;           ///< peak of f32, 10^9 operations per second
    double gigabytes_per_s;  ///< memory bandwidth
    double memory_mib;
    double storage_mib;       ///< 0: whatever the owner puts in
    double idle_watts;        ///< 0: unknown
    double busy_watts;        ///< thermal design power or the module's power budget
    std::string_view source;  ///< where each figure is from
};

namespace detail {

// Peaks of processors are cores x clock x operations per cycle: one 128-bit fused multiply-add unit gives 8, two give 16, one
// of 512 bits 32, two 64.
inline constexpr auto catalogue_machines = std::to_array<catalogue_machine>({
    {"raspberry-pi-3b+", "board", 44.8, 3.6, 1024, 0, 1.9, 5.1,
     "Raspberry Pi 3 Model B+ product brief: 4 Cortex-A53 at 1.4 GHz, 1 GB LPDDR2 (900 MT/s x 32 bit); "
     "Arm Cortex-A53 Technical Reference Manual: 8 f32 operations a cycle; "
     "power idle and under `stress --cpu 4`: J. Geerling, pidramble.com, \"Power Consumption Benchmarks\""},
    {"raspberry-pi-4b", "board", 48.0, 12.8, 4096, 0, 2.7, 6.4,
     "Raspberry Pi 4 Model B datasheet: 4 Cortex-A72 at 1.5 GHz, 4 GB LPDDR4-3200 x 32 bit; "
     "Arm Cortex-A72 Software Optimization Guide: 8 f32 operations a cycle; "
     "power idle and under `stress --cpu 4`: J. Geerling, pidramble.com, \"Power Consumption Benchmarks\""},
    {"raspberry-pi-5", "board", 153.6, 17.1, 8192, 0, 0, 12.0,
     "Raspberry Pi 5 product brief: 4 Cortex-A76 at 2.4 GHz, 8 GB LPDDR4X-4267 x 32 bit; "
     "Arm Cortex-A76 Software Optimization Guide: 16 f32 operations a cycle; "
     "E. Upton, \"Introducing: Raspberry Pi 5!\", raspberrypi.com: around 12 W at most"},
    {"jetson-nano", "gpu", 236.0, 25.6, 4096, 16384, 0, 10.0,
     "NVIDIA Jetson Nano module datasheet: 128 Maxwell cores at 921.6 MHz (472 GFLOPS of f16), 4 GB, "
     "25.6 GB/s, 16 GB eMMC, 10 W"},
    {"jetson-orin-nano-8gb", "gpu", 1280.0, 68.0, 8192, 0, 0, 15.0,
     "NVIDIA Jetson Orin Nano series datasheet: 1024 Ampere cores at 625 MHz, 8 GB, 68 GB/s, "
     "no storage of its own, 7 to 15 W (its \"Super\" mode: 1020 MHz, 102 GB/s, 25 W)"},
    {"jetson-agx-orin-64gb", "gpu", 5325.0, 204.8, 65536, 65536, 0, 60.0,
     "NVIDIA Jetson AGX Orin series technical brief: 2048 Ampere cores at 1.3 GHz, 5.3 TFLOPS of f32, "
     "64 GB, 204.8 GB/s, 64 GB eMMC, 15 to 60 W"},
    {"core-i7-1165g7", "laptop", 358.4, 51.2, 16384, 0, 0, 28.0,
     "Intel ARK, Core i7-1165G7: 4 cores, 2.8 GHz at 28 W, one 512-bit unit each, "
     "DDR4-3200 in two channels; 16 GB assumed"},
    {"snapdragon-865", "phone", 219.2, 44.0, 8192, 131072, 0, 5.0,
     "Qualcomm Snapdragon 865 product brief: Cortex-A77 at 2.84 and 3 at 2.42 GHz, 4 Cortex-A55 at 1.8 GHz, "
     "LPDDR5-5500 x 64 bit; Arm optimization guides: 16 and 8 operations a cycle; "
     "8 GB, 128 GB and 5 W assumed"},
    {"xeon-platinum-8280", "server", 3225.6, 140.8, 196608, 0, 0, 205.0,
     "Intel ARK, Xeon Platinum 8280: 28 cores, two 512-bit units, six channels of DDR4-2933, 205 W; "
     "specification update: 1.8 GHz base under AVX-512; 192 GB assumed"},
    {"t4", "gpu", 8100.0, 320.0, 16384, 0, 0, 70.0,
     "NVIDIA T4 datasheet: 8.1 TFLOPS of f32, 16 GB, 320 GB/s, 70 W"},
    {"v100-sxm2-32gb", "gpu", 15700.0, 900.0, 32768, 0, 0, 300.0,
     "NVIDIA V100 datasheet: 15.7 TFLOPS of f32, 32 GB, 900 GB/s, 300 W"},
    {"a100-sxm4-40gb", "gpu", 19500.0, 1555.0, 40960, 0, 0, 400.0,
     "NVIDIA A100 datasheet: 19.5 TFLOPS of f32, 40 GB, 1,555 GB/s, 400 W"},
    {"h100-sxm5-80gb", "gpu", 67000.0, 3350.0, 81920, 0, 0, 700.0,
     "NVIDIA H100 datasheet: 67 TFLOPS of f32, 80 GB, 3.35 TB/s, 700 W"},
    {"stm32f746", "microcontroller", 0.432, 0.864, 0.3125, 1, 0, 0.5,
     "ST STM32F745xx/746xx datasheet DS10916: Cortex-M7 at 216 MHz, 320 KB SRAM, 1 MB flash; "
     "Arm Cortex-M7 Technical Reference Manual: one f32 multiply-add a cycle, 32-bit bus; 0.5 W assumed"},
});

/// What the kernels of Arm's CMSIS-NN cover (CMSIS-NN documentation, "Supported operators").
inline const std::vector<std::string>& microcontroller_operators() {
    static const std::vector<std::string> names{
        "Add",    "AveragePool", "Concat", "Conv", "ConvTranspose", "Flatten", "Gemm",    "LSTM",
        "MatMul", "MaxPool",     "Mul",    "Pad",  "Relu",          "Reshape", "Softmax", "Transpose"};
    return names;
}

/// One kind of link: what its standard carries.
struct catalogue_link {
    std::string_view name;
    double megabytes_per_s;  ///< in one direction
    double latency_us;       ///< one way, between neighbours
    std::string_view source;
};

inline constexpr auto catalogue_links = std::to_array<catalogue_link>({
    {"fast-ethernet", 11.77, 100.0,
     "IEEE 802.3u: 100 Mbit/s, less frame, IP and TCP headers (1,448 of 1,538 bytes); "
     "latency assumed"},
    {"gigabit-ethernet", 117.7, 50.0, "IEEE 802.3ab: 1 Gbit/s, less the same headers; latency assumed"},
    {"10-gigabit-ethernet", 1177.0, 20.0, "IEEE 802.3ae: 10 Gbit/s, less the same headers; latency assumed"},
    {"pcie-3-x16", 15754.0, 1.0,
     "PCI Express base specification 3.0: 8 GT/s, 128b/130b, 16 lanes; latency assumed"},
    {"pcie-4-x16", 31508.0, 1.0,
     "PCI Express base specification 4.0: 16 GT/s, 128b/130b, 16 lanes; latency assumed"},
    {"nvlink-3", 300000.0, 1.0, "NVIDIA A100 datasheet: 600 GB/s over both directions; latency assumed"},
    {"nvlink-4", 450000.0, 1.0, "NVIDIA H100 datasheet: 900 GB/s over both directions; latency assumed"},
});

/// The row of that name, or not_found with the names that there are.
template <class Rows>
[[nodiscard]] auto find_in_catalogue(const Rows& rows, std::string_view name)
    -> result<typename Rows::value_type> {
    std::string names;
    for (const auto& row : rows) {
        if (row.name == name) return row;
        names += (names.empty() ? "" : ", ") + std::string(row.name);
    }
    return fail(errc::not_found, std::string(name), "the catalogue has nothing of this name",
                "it has " + names);
}

}  // namespace detail

/// All machines of the catalogue.
[[nodiscard]] inline std::span<const catalogue_machine> catalogue() { return detail::catalogue_machines; }

/// A machine of the catalogue as a device; labels say its `kind` and `model`.
/// \param called the device's name; empty: the machine's
/// Errors: not_found, with the names that there are. O(machines).
[[nodiscard]] inline result<device> catalogue_device(std::string_view machine, std::string called = {}) {
    DISPART_TRY(const auto row, detail::find_in_catalogue(detail::catalogue_machines, machine));
    device made;
    made.name = called.empty() ? std::string(machine) : std::move(called);
    made.speed = flops_per_second(row.gflops * 1e9);
    made.memory_bandwidth = bytes_per_second(row.gigabytes_per_s * 1e9);
    made.memory = bytes(row.memory_mib * 1048576.0);
    made.storage = bytes(row.storage_mib * 1048576.0);
    made.idle_power = watts(row.idle_watts);
    made.busy_power = watts(row.busy_watts);
    made.labels = {{"kind", std::string(row.kind)}, {"model", std::string(machine)}};
    if (row.kind == "microcontroller") made.operators = detail::microcontroller_operators();
    return made;
}

/// A link of the catalogue ("gigabit-ethernet", "pcie-4-x16", ...). Errors: not_found, with the names that there are.
[[nodiscard]] inline result<link> catalogue_link_of(std::string_view kind) {
    DISPART_TRY(const auto row, detail::find_in_catalogue(detail::catalogue_links, kind));
    link made;
    made.bandwidth = bytes_per_second(row.megabytes_per_s * 1e6);
    made.latency = seconds(row.latency_us * 1e-6);
    return made;
}

}  // namespace dispart
