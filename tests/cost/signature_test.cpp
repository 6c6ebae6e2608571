#include "dispart/cost/signature.hpp"

#include <doctest/doctest.h>

#include "dispart/model/builder.hpp"
#include "dispart/model/work.hpp"

using namespace dispart;

namespace {

dispart::model convolution(const char* name, std::int64_t stride, std::int64_t channels) {
    model_builder b("m");
    const auto x = b.input("x", {1, 4, 8, 8});
    const auto w = b.weight("w", {channels, 4, 1, 1});
    b.output(b.add("Conv", {x, w},
                   {.name = name, .attrs = {{"strides", std::vector<std::int64_t>{stride, stride}}}}));
    auto net = std::move(b).build();
    REQUIRE(net);
    return *net;
}

std::string sign(const dispart::model& net) { return layer_signature(viewed_layer(net, 0).view()); }

}  // namespace

TEST_CASE("a signature says operator, attributes, types and shapes") {
    CHECK(sign(convolution("c", 1, 2)) == "Conv{strides=1,1}(f32[1,4,8,8],#f32[2,4,1,1])->f32[1,2,8,8]");
}

TEST_CASE("names do not matter, attributes and shapes do") {
    CHECK(sign(convolution("a", 1, 2)) == sign(convolution("b", 1, 2)));
    CHECK(sign(convolution("a", 1, 2)) != sign(convolution("a", 2, 2)));
    CHECK(sign(convolution("a", 1, 2)) != sign(convolution("a", 1, 3)));
}

TEST_CASE("every kind of attribute and absent operands are written") {
    layer l;
    l.op = "X";
    l.attrs = {{"a", std::int64_t{1}},
               {"b", 0.5F},
               {"c", std::string("text")},
               {"d", std::vector<float>{1.0F, 2.0F}},
               {"e", std::vector<std::string>{"p", "q"}},
               {"f", tensor(dtype::i64, {2})}};
    const tensor_info* const operands[] = {nullptr};
    CHECK(layer_signature(layer_view<>{l, operands, {}, {}}) ==
          "X{a=1;b=0.5;c=text;d=1,2;e=p,q;f=i64[2]}(-)->");
}
