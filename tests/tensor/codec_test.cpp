#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <numeric>

#include "dispart/tensor/half_codec.hpp"
#include "dispart/tensor/int8_codec.hpp"
#include "dispart/tensor/mask_codec.hpp"
#include "dispart/tensor/stacked_codec.hpp"
#include "tensor/codec_conformance.hpp"

namespace {

using namespace dispart;

/// Runs of equal bytes: (count, byte) pairs.
struct run_lengths {
    [[nodiscard]] static constexpr std::string_view name() noexcept { return "runs"; }
    [[nodiscard]] static result<void> compress(std::span<const std::byte> in, std::vector<std::byte>& out) {
        for (std::size_t i = 0; i < in.size();) {
            std::size_t n = 1;
            while (n < 255 && i + n < in.size() && in[i + n] == in[i]) ++n;
            out.push_back(static_cast<std::byte>(n));
            out.push_back(in[i]);
            i += n;
        }
        return {};
    }
    [[nodiscard]] static result<void> decompress(std::span<const std::byte> in, std::span<std::byte> out) {
        std::size_t at = 0;
        for (std::size_t i = 0; i + 2 <= in.size(); i += 2) {
            const auto n = std::to_integer<std::size_t>(in[i]);
            if (n == 0 || n > out.size() - at) return fail(errc::parse_error, "runs", "a run is too long");
            std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(at), n, in[i + 1]);
            at += n;
        }
        if (at != out.size() || in.size() % 2 != 0) return fail(errc::parse_error, "runs", "another size");
        return {};
    }
};

tensor waves(shape dims, float scale) {
    tensor made(dtype::f32, std::move(dims));
    auto values = made.data<float>();
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = scale * std::sin(static_cast<float>(i));
    return made;
}

double largest_error(const tensor& a, const tensor& b) { return max_abs_difference(a, b); }

}  // namespace

TEST_CASE("codecs conform") {
    test::codec_conforms(raw_codec{});
    test::codec_conforms(f16_codec{});
    test::codec_conforms(bf16_codec{});
    test::codec_conforms(int8_codec{});
    test::codec_conforms(int8_channel_codec{});
    test::codec_conforms(mask_codec{});
    test::codec_conforms(stacked_codec<raw_codec, run_lengths>{});
    test::codec_conforms(stacked_codec<int8_codec, run_lengths>{});
    CHECK(stacked_codec<int8_codec, run_lengths>{}.name() == "int8+runs");
    CHECK(stacked_codec<raw_codec, run_lengths>{}.name() == "runs");
}

TEST_CASE("encoded sizes") {
    const tensor t = waves({1, 8, 25, 40}, 1.0F);
    CHECK(test::encoded(f16_codec{}, t).size() == 2 * t.size() + 4);
    CHECK(test::encoded(bf16_codec{}, t).size() == 2 * t.size());
    CHECK(test::encoded(int8_codec{}, t).size() == t.size() + 5);
    CHECK(test::encoded(int8_channel_codec{}, t).size() == t.size() + 8 * 4 + 1);
    tensor half_zero = t.clone();
    for (float& x : half_zero.data<float>()) x = std::max(x, 0.0F);
    const auto kept = static_cast<std::size_t>(
        std::count_if(t.data<float>().begin(), t.data<float>().end(), [](float x) { return x > 0.0F; }));
    CHECK(test::encoded(mask_codec{}, half_zero).size() == t.size() / 8 + 4 * kept + 1);
    CHECK(test::encoded(mask_codec{}, t).size() <= t.size_bytes() + 1);
}

TEST_CASE("f16 keeps its error where binary16 alone would overflow or lose bits") {
    for (const float scale : {1e-30F, 1e-7F, 1e-4F, 1.0F, 6e4F, 1e6F, 1e30F}) {
        const tensor t = waves({1000}, scale);
        const tensor back = test::decoded(f16_codec{}, t, test::encoded(f16_codec{}, t));
        CHECK(largest_error(back, t) <= 0x1p-11 * static_cast<double>(scale));
    }
}

TEST_CASE("one scale for each channel keeps quiet channels") {
    tensor t = waves({1, 2, 10, 10}, 1.0F);
    for (std::size_t i = 0; i < 100; ++i) t.data<float>()[i] *= 1e-3F;
    const auto error_of_quiet = [&](const auto& c) {
        const tensor back = test::decoded(c, t, test::encoded(c, t));
        double worst = 0.0;
        for (std::size_t i = 0; i < 100; ++i)
            worst = std::max(worst, std::abs(static_cast<double>(back.data<float>()[i] - t.data<float>()[i])));
        return worst;
    };
    CHECK(error_of_quiet(int8_channel_codec{}) <= 1e-3 / 250);
    CHECK(error_of_quiet(int8_codec{}) > 1e-4);
}

TEST_CASE("groups and plain loops give the same") {
    std::vector<float> in(1000);
    for (std::size_t i = 0; i < in.size(); ++i) in[i] = 100.0F * std::sin(static_cast<float>(i) * 0.37F);
    in[3] = 0.5F;  // ties
    in[4] = 1.5F;
    in[5] = -2.5F;
    std::vector<std::int8_t> whole(in.size()), plain(in.size());
    detail::quantise(in, whole.data(), 1.0F);
    detail::quantise_plain(in.data(), plain.data(), in.size(), 1.0F);
    CHECK(whole == plain);
    CHECK((plain[3] == 0 && plain[4] == 2 && plain[5] == -2));
    std::vector<float> back(in.size()), plain_back(in.size());
    detail::dequantise(whole.data(), back, 0.01F);
    detail::dequantise_plain(whole.data(), plain_back.data(), plain_back.size(), 0.01F);
    CHECK(back == plain_back);
    CHECK(detail::largest_magnitude_bits(in) == detail::largest_plain(in.data(), in.size(), 0));

    std::vector<bf16_bits> narrowed(in.size());
    in[7] = std::numeric_limits<float>::quiet_NaN();
    in[8] = -std::numeric_limits<float>::infinity();
    narrow(in, narrowed);
    for (std::size_t i = 0; i < in.size(); ++i) CHECK(narrowed[i] == to_bf16(in[i]));
    widen(narrowed, back);
    for (std::size_t i = 0; i < in.size(); ++i)
        CHECK(std::bit_cast<std::uint32_t>(back[i]) == std::bit_cast<std::uint32_t>(to_float(narrowed[i])));
}
