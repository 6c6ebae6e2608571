#pragma once
/// \file
/// The lossless codec for maps with many zeros, as Relu leaves them: one bit for each element, and those that are not zero.

#include <bit>
#include <cstdint>
#include <cstring>

#include "dispart/tensor/half_codec.hpp"

namespace dispart {

/// f32 as a bit mask of the elements whose bits are not all zero, and their values; other element types, and tensors with so
/// few zeros that nothing would be won, are copied. n elements, m of them not zero, become n / 8 + 4m + 1 bytes, at most 4n + 1.
struct mask_codec {
    [[nodiscard]] static constexpr std::string_view name() noexcept { return "mask"; }
    [[nodiscard]] static constexpr double max_relative_error() noexcept { return 0.0; }

    /// Appends. Never fails. O(n).
    [[nodiscard]] static result<void> encode(const tensor& t, std::vector<std::byte>& out) {
        if (t.type() != dtype::f32) return detail::encode_copied(t, out);
        const std::size_t before = out.size();
        out.push_back(static_cast<std::byte>(detail::coding::coded));
        const std::size_t mask_size = (t.size() + 7) / 8;
        auto* mask = detail::append(out, mask_size + t.size_bytes() + word);
        auto* values = mask + mask_size;
        const auto* from = t.bytes().data();
        for (std::size_t i = 0; i < t.size(); i += 8) {
            const std::size_t group = std::min<std::size_t>(8, t.size() - i);
            unsigned bits = 0;
            for (std::size_t k = 0; k < group; ++k, from += word) {
                std::uint32_t value = 0;
                std::memcpy(&value, from, word);
                std::memcpy(values, &value, word);                    // stays only where it is not zero
                const auto here = static_cast<unsigned>(value != 0);  // no branch: zeros come as they like
                values += here * word;
                bits |= here << k;
            }
            mask[i / 8] = static_cast<std::byte>(bits);
        }
        const auto size = static_cast<std::size_t>(values - mask);
        out.resize(before + 1 + size);
        if (size < t.size_bytes()) return {};
        out.resize(before);
        return detail::encode_copied(t, out);
    }

    /// Errors: parse_error (bits beyond the last element; not as many values as bits).
    [[nodiscard]] static result<void> decode(std::span<const std::byte> in, tensor& t) {
        DISPART_TRY(const detail::coding how, detail::take_coding(name(), in));
        if (how == detail::coding::copied) return raw_codec::decode(in, t);
        if (t.type() != dtype::f32) return detail::bad_codes(name(), "this tensor is always copied");
        const std::size_t mask_size = (t.size() + 7) / 8;
        if (in.size() < mask_size) return detail::bad_size(name(), in.size(), mask_size);
        const auto mask = in.first(mask_size);
        DISPART_CHECK(check_mask(mask, t.size(), in.size() - mask_size));
        const auto* from = in.data() + mask_size;
        const auto* end = in.data() + in.size();
        auto* to = t.bytes().data();
        for (std::size_t i = 0; i < t.size(); i += 8) {
            const std::size_t group = std::min<std::size_t>(8, t.size() - i);
            const auto bits = std::to_integer<unsigned>(mask[i / 8]);
            if (end - from >= static_cast<std::ptrdiff_t>(8 * word))
                for (std::size_t k = 0; k < group; ++k) {  // reads on behind the last value of the group
                    const unsigned here = (bits >> k) & 1U;
                    std::uint32_t value = 0;
                    std::memcpy(&value, from, word);
                    value &= 0U - here;
                    std::memcpy(to + (i + k) * word, &value, word);
                    from += here * word;
                }
            else
                for (std::size_t k = 0; k < group; ++k) {
                    std::uint32_t value = 0;
                    if (((bits >> k) & 1U) != 0) {
                        std::memcpy(&value, from, word);
                        from += word;
                    }
                    std::memcpy(to + (i + k) * word, &value, word);
                }
        }
        return {};
    }

  private:
    static constexpr std::size_t word = sizeof(std::uint32_t);

    [[nodiscard]] static result<void> check_mask(std::span<const std::byte> mask, std::size_t count,
                                                 std::size_t value_bytes) {
        std::size_t set = 0;
        for (const std::byte each : mask)
            set += static_cast<std::size_t>(std::popcount(std::to_integer<unsigned>(each)));
        if (count % 8 != 0 && (std::to_integer<unsigned>(mask.back()) >> (count % 8)) != 0)
            return detail::bad_codes(name(), "bits are set beyond the last element");
        if (set * word != value_bytes) return detail::bad_size(name(), value_bytes, set * word);
        return {};
    }
};
static_assert(codec<mask_codec>);

}  // namespace dispart
