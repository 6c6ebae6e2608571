# Finds gRPC for C++; defines Grpc::grpc++. Its own package file wants the code generators too, which nothing here needs.
find_path(GRPC_INCLUDE_DIR grpcpp/grpcpp.h)
find_library(GRPC_CPP_LIBRARY grpc++)
find_library(GRPC_LIBRARY grpc)
find_library(GRPC_GPR_LIBRARY gpr)
find_library(GRPC_ABSL_LIBRARY absl_synchronization)
mark_as_advanced(GRPC_INCLUDE_DIR GRPC_CPP_LIBRARY GRPC_LIBRARY GRPC_GPR_LIBRARY GRPC_ABSL_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  Grpc REQUIRED_VARS GRPC_CPP_LIBRARY GRPC_LIBRARY GRPC_GPR_LIBRARY GRPC_ABSL_LIBRARY GRPC_INCLUDE_DIR)

if(Grpc_FOUND AND NOT TARGET Grpc::grpc++)
  add_library(Grpc::grpc++ UNKNOWN IMPORTED)
  set_target_properties(
    Grpc::grpc++
    PROPERTIES IMPORTED_LOCATION "${GRPC_CPP_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${GRPC_INCLUDE_DIR}"
               INTERFACE_LINK_LIBRARIES "${GRPC_LIBRARY};${GRPC_GPR_LIBRARY};${GRPC_ABSL_LIBRARY}")
endif()
