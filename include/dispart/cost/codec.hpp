#pragma once
/// \file
/// What codecs cost and save, and which is best for a link.

#include <span>
#include <string>

namespace dispart {

/// What a codec does to a message, for each of its bytes before encoding. The initial values are those of raw.
struct codec_cost {
    std::string name = "raw";
    double encode_seconds_per_byte = 0.0;
    double decode_seconds_per_byte = 0.0;
    double ratio = 1.0;               ///< bytes on the wire
    double max_relative_error = 0.0;  ///< of a tensor's largest magnitude

    /// Seconds from having a message to its being there decoded, latency aside.
    [[nodiscard]] double seconds(double size, double link_seconds_per_byte) const noexcept {
        return size * seconds_per_byte(link_seconds_per_byte);
    }
    /// The link's seconds per byte with this codec on it.
    [[nodiscard]] double seconds_per_byte(double link_seconds_per_byte) const noexcept {
        return encode_seconds_per_byte + ratio * link_seconds_per_byte + decode_seconds_per_byte;
    }
    friend bool operator==(const codec_cost&, const codec_cost&) = default;
};

/// The cheapest codec for a link whose error is allowed; the first of equals. Encoding, sending and decoding are counted one
/// after the other, so that what is chosen for throughput never harms the latency. \return nullptr where no error is allowed
[[nodiscard]] inline const codec_cost* best_codec(std::span<const codec_cost> codecs,
                                                  double link_seconds_per_byte,
                                                  double max_relative_error) noexcept {
    const codec_cost* best = nullptr;
    for (const codec_cost& each : codecs) {
        if (each.max_relative_error > max_relative_error) continue;
        if (best == nullptr ||
            each.seconds_per_byte(link_seconds_per_byte) < best->seconds_per_byte(link_seconds_per_byte))
            best = &each;
    }
    return best;
}

}  // namespace dispart
