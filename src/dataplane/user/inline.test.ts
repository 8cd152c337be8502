import { contractSuite } from "../../../test/host/dataplane-contract.js";
import { openInline } from "../../../test/host/rigs.js";
import { unitsSuite } from "../../../test/host/units-contract.js";

contractSuite("inline on a virtual network", openInline);
unitsSuite("inline on a virtual network", openInline);
