import { PluginComponentType, registerComponent } from "@fiftyone/plugins";
import { ChangeReview } from "./Panel";

// The name is what the Python half asks for: View(component=...).
registerComponent({
  name: "OneDiffChangeReview",
  label: "Change review",
  component: ChangeReview,
  type: PluginComponentType.Component,
  activator: () => true,
});
