#include "model/execute.hpp"

#include <doctest/doctest.h>

#include "dispart/model/builder.hpp"
#include "dispart/run/kernels/evaluate.hpp"

using namespace dispart;

result<std::vector<tensor>> dispart::test::evaluate(const layer& self, std::span<const tensor> operands,
                                                    std::int64_t opset) {
    return kernels::evaluate_layer(self, operands, opset);
}

TEST_SUITE("model/execute") {
    TEST_CASE("two layers by hand") {
        model_builder b("two");
        const auto x = b.input("x", {2});
        const auto c = b.constant("c", tensor::of({2}, std::vector{1.0F, -5.0F}));
        b.output(b.add("Relu", {b.add("Add", {x, c})}));
        const auto g = b.build().value();
        const auto made = test::execute(g, {tensor::of({2}, std::vector{2.0F, 3.0F})});
        REQUIRE(made);
        CHECK(made->at(0).data<float>()[0] == 3.0F);
        CHECK(made->at(0).data<float>()[1] == 0.0F);
    }
}
