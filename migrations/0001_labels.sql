CREATE TABLE "label_examples" (
	"label_id" uuid NOT NULL,
	"clip_id" uuid NOT NULL,
	CONSTRAINT "label_examples_label_id_clip_id_pk" PRIMARY KEY("label_id","clip_id")
);
--> statement-breakpoint
CREATE TABLE "labels" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "labels_name" UNIQUE("name")
);
--> statement-breakpoint
CREATE TABLE "prototypes" (
	"label_id" uuid NOT NULL,
	"model_id" text NOT NULL,
	"model_version" text NOT NULL,
	"dimension" integer NOT NULL,
	"audio" "bytea",
	"video" "bytea",
	"audio_examples" integer NOT NULL,
	"video_examples" integer NOT NULL,
	CONSTRAINT "prototypes_label_id_model_id_model_version_pk" PRIMARY KEY("label_id","model_id","model_version")
);
--> statement-breakpoint
ALTER TABLE "label_examples" ADD CONSTRAINT "label_examples_label_id_labels_id_fk" FOREIGN KEY ("label_id") REFERENCES "public"."labels"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "label_examples" ADD CONSTRAINT "label_examples_clip_id_clips_id_fk" FOREIGN KEY ("clip_id") REFERENCES "public"."clips"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "prototypes" ADD CONSTRAINT "prototypes_label_id_labels_id_fk" FOREIGN KEY ("label_id") REFERENCES "public"."labels"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "label_examples_clip" ON "label_examples" USING btree ("clip_id");