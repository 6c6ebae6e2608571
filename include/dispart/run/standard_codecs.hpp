#pragma once
/// \file
/// The table of every codec that is here: the library's own, and those of the optional components that the program links to.

#include "dispart/run/codecs.hpp"
#include "dispart/tensor/half_codec.hpp"
#include "dispart/tensor/int8_codec.hpp"
#include "dispart/tensor/mask_codec.hpp"

#ifdef DISPART_WITH_LZ4
#include "dispart/tensor/lz4/lz4.hpp"
#endif
#ifdef DISPART_WITH_ZSTD
#include "dispart/tensor/zstd/zstd.hpp"
#endif
#ifdef DISPART_WITH_ZFP
#include "dispart/tensor/zfp/zfp_codec.hpp"
#endif

namespace dispart {

/// raw, f16, bf16, int8, int8-channel, mask.
[[nodiscard]] inline codec_table standard_codecs() {
    codec_table made;
    made.add(f16_codec{}).add(bf16_codec{}).add(int8_codec{}).add(int8_channel_codec{}).add(mask_codec{});
    return made;
}

/// The standard ones, and with dispart::lz4, dispart::zstd, dispart::zfp those and the useful stacks of them.
template <class = void>
[[nodiscard]] codec_table all_codecs() {
    codec_table made = standard_codecs();
#ifdef DISPART_WITH_LZ4
    made.add(lz4_codec<>{}).add(lz4_codec<int8_codec>{});
#endif
#ifdef DISPART_WITH_ZSTD
    made.add(zstd_codec<>{}).add(zstd_codec<f16_codec>{}).add(zstd_codec<int8_codec>{});
    made.add(zstd_codec<int8_channel_codec>{});
#endif
#ifdef DISPART_WITH_ZFP
    made.add(zfp_codec{}).add(zfp_codec{1e-3}).add(zfp_codec{1e-2});
#endif
    return made;
}

}  // namespace dispart
