#pragma once
/// \file
/// Well-known networks with seeded random weights, by name. To add one: a header under zoo/ and a row here.

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "dispart/model/zoo/bert.hpp"
#include "dispart/model/zoo/densenet.hpp"
#include "dispart/model/zoo/efficientnet.hpp"
#include "dispart/model/zoo/gpt.hpp"
#include "dispart/model/zoo/inception.hpp"
#include "dispart/model/zoo/lstm.hpp"
#include "dispart/model/zoo/mobilenet.hpp"
#include "dispart/model/zoo/net.hpp"
#include "dispart/model/zoo/resnet.hpp"
#include "dispart/model/zoo/squeezenet.hpp"
#include "dispart/model/zoo/vgg.hpp"
#include "dispart/model/zoo/vit.hpp"
#include "dispart/model/zoo/yolo.hpp"

namespace dispart::zoo {

namespace detail {
struct entry {
    std::string_view name;
    result<model> (*make)(const options&);
};
inline constexpr auto entries = std::to_array<entry>({
    {"bert_base", bert_base},
    {"densenet121", densenet121},
    {"efficientnet_b0", efficientnet_b0},
    {"gpt2", gpt2},
    {"inception_v3", inception_v3},
    {"lstm", lstm},
    {"mobilenet_v2", mobilenet_v2},
    {"resnet18", resnet18},
    {"resnet50", resnet50},
    {"resnet50_v1_5", resnet50_v1_5},
    {"squeezenet", squeezenet1_1},
    {"squeezenet1_0", squeezenet1_0},
    {"vgg16", vgg16},
    {"vgg19", vgg19},
    {"vit_base", vit_base},
    {"yolov2", yolov2},
});
}  // namespace detail

/// Every name that `make` knows, sorted.
[[nodiscard]] inline std::vector<std::string_view> names() {
    std::vector<std::string_view> list;
    for (const auto& each : detail::entries) list.push_back(each.name);
    return list;
}

/// The network of that name, shapes inferred, batch normalisation not folded. The same name, seed and options give the
/// same weights everywhere. Errors: not_found, listing the names; invalid_argument (options); shape_mismatch (an image
/// too small for the network). O(parameters).
[[nodiscard]] inline result<model> make(std::string_view name, const options& o = {}) {
    DISPART_CHECK(check(o));
    for (const auto& each : detail::entries)
        if (each.name == name) return each.make(o);
    std::string known;
    for (const auto& each : detail::entries) known += (known.empty() ? "" : ", ") + std::string(each.name);
    return fail(errc::not_found, std::string(name), "the zoo has no such network", "known: " + known);
}

}  // namespace dispart::zoo
