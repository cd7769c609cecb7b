// As XRT has it; all of the emulated board is in one header.

#pragma once

#include "xrt_device.h"
